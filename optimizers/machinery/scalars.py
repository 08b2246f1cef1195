"""The numbers of a group that a traced program uses, worked out in Python's own doubles as the reference does.

Kernels on a device are given the results: every block would otherwise repeat the arithmetic, in double, which consumer
GPUs do at a small fraction of their speed.
"""

from __future__ import annotations

from collections.abc import Mapping

from optimizers.machinery.emit import in_order
from optimizers.machinery.program import Numbers
from optimizers.machinery.trace import Node, Trace


def constants_of(trace: Trace) -> tuple[Node, ...]:
    """The numbers that meet elements in a trace, each once, in a fixed order."""
    found: dict[Node, None] = {}
    for node in in_order(trace.roots()):
        if node.domain != "scalar":
            found.update(dict.fromkeys(operand for operand in node.inputs if operand.domain == "scalar"))
    return tuple(found)


def evaluate(node: Node, numbers: Numbers, known: dict[Node, float]) -> float:
    """The value of a scalar node.

    Args:
        node: the node.
        numbers: of the group.
        known: values that were worked out before; added to.

    Raises:
        ZeroDivisionError: where the reference's Python would raise it too.
    """
    value = known.get(node)
    if value is None:
        value = known[node] = _value(node, [evaluate(operand, numbers, known) for operand in node.inputs], numbers)
    return value


def _value(node: Node, operands: list[float], numbers: Mapping[str, float]) -> float:
    match node.op:
        case "constant":
            return node.value
        case "hyper":
            return float(numbers[node.name])
        case "add":
            return operands[0] + operands[1]
        case "sub":
            return operands[0] - operands[1]
        case "mul":
            return operands[0] * operands[1]
        case "div":
            return operands[0] / operands[1]
        case "neg":
            return -operands[0]
        case _:
            raise ValueError(f"{node.op} of numbers is not known")
