"""What the child is asked: the options as argparse would hold them, the groups, the precision, the length."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import from_literal
from core.command.surroundings import module_path
from core.environment.model import Environment
from core.errors import ValueProblem
from core.job.model import Job
from core.job.optimizer import hands_loss, needs_package
from core.options.model import Option, OptionKind, OptionSet
from core.preflight.groups import groups_of
from core.preflight.model import Group

DEFAULT_STEPS = 1600
"""sd-scripts' own."""
CURVE_SECONDS = 0.9
"""Of each variant: two of them take about two seconds."""
SWEEP = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2, 5e-2, 0.1, 0.2, 0.3, 0.5, 1.0)
_DEFAULT_EPS = 1e-30


@dataclass(frozen=True, slots=True)
class Question:
    """A request to the child, and the groups that it names by position."""

    request: Mapping[str, Any]
    groups: tuple[Group, ...]

    @property
    def steps(self) -> int:
        """Of the training."""
        return int(self.request["steps"])

    def key(self, environment: Environment | None) -> str:
        """The same for everything that would be tried in the same way: an install or another checkout makes another key."""
        place = [] if environment is None else [str(environment.python), str(environment.sd_scripts), _state_of(environment)]
        return hashlib.sha256(json.dumps([self.request, place], sort_keys=True, default=str).encode()).hexdigest()


def _state_of(environment: Environment) -> list[int]:
    """When packages or sd-scripts' own code changed last, in nanoseconds: pip makes and removes folders in site-packages."""
    root = environment.python.parent.parent
    places = [*root.glob("lib/python*/site-packages"), root / "Lib" / "site-packages", root / "Scripts"]
    if environment.sd_scripts is not None:
        places.append(environment.sd_scripts / "library" / "train_util.py")
    times = []
    for place in sorted(places):
        with contextlib.suppress(OSError):
            times.append(place.stat().st_mtime_ns)
    return times


def question(
    job: Job,
    options: OptionSet,
    catalogue: Catalogue,
    *,
    trial: bool = True,
    curves: bool = False,
    device: str = "auto",
    total_steps: int | None = None,
) -> Question:
    """What to ask about a job.

    Args:
        job: the job.
        options: what its script accepts, with sd-scripts' defaults.
        catalogue: knows the optimizers.
        trial: build it and take two steps.
        curves: also say what it would do, step by step.
        device: `auto` takes what accelerate would.
        total_steps: of the training, where somebody counted the images of a job that says epochs.
    """
    groups = groups_of(job, catalogue)
    values = {option.name: _value(option, job) for option in options}
    values |= {name: value for name, value in job.options.items() if name not in values}
    steps = total_steps or job.options.get("max_train_steps", DEFAULT_STEPS)
    processes = job.accelerate.get("num_processes", 1)
    cpu = job.accelerate.get("cpu") or job.accelerate.get("use_cpu")
    request: dict[str, Any] = {
        "engine": job.engine,
        "options": dict(job.options) if job.engine == "builtin" else values,
        "module_path": str(module_path()) if needs_package(job) else "",
        "groups": [
            {
                "lr": group.learning_rate,
                "shapes": [[list(shape.sizes), shape.count, shape.at_zero] for shape in group.shapes],
            }
            for group in groups
        ],
        "dtype": "float16" if job.options.get("full_fp16") else "bfloat16" if job.options.get("full_bf16") else "float32",
        "steps": steps if isinstance(steps, int) and steps > 0 else DEFAULT_STEPS,
        "processes": processes if isinstance(processes, int) and processes > 0 else 1,
        "max_grad_norm": _number(values.get("max_grad_norm"), 1.0),
        "hand_loss": hands_loss(job),
        "device": "cpu" if cpu else device,
        "trial": trial,
        "curves": _curves(job, catalogue) if curves else None,
    }
    return Question(request, groups)


def _value(option: Option, job: Job) -> object:
    """What argparse would hold: the job's value in the option's own type, else the script's default."""
    if option.name not in job.options:
        return option.default
    value = job.options[option.name]
    if option.kind is OptionKind.FLOAT and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if option.is_list and isinstance(value, str):
        return [value]
    return value


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _curves(job: Job, catalogue: Catalogue) -> dict[str, Any]:
    dim, alpha = _number(job.options.get("network_dim"), 4.0), _number(job.options.get("network_alpha"), 1.0)
    variants: list[tuple[str, dict[str, object]]] = [("job", {})]
    if job.arguments:
        variants.append(("defaults", {"optimizer_args": None}))
    scale = alpha / dim if dim > 0 else 1.0
    return {"scale": scale, "seconds": CURVE_SECONDS, "variants": variants, "sweep": _sweep(job, catalogue)}


def _sweep(job: Job, catalogue: Catalogue) -> Sequence[tuple[float, dict[str, object]]]:
    """For AdaFactor, which makes its own rate: the arguments with other values of the second eps."""
    spec = catalogue.find_for_options(job.options)
    relative = job.arguments.get("relative_step", "True")
    scales = job.arguments.get("scale_parameter", "True")
    if spec is None or spec.id != "AdaFactor" or relative != "True" or scales != "True":
        return ()
    first = _DEFAULT_EPS
    try:
        given = from_literal(job.arguments.get("eps", ""))
        if isinstance(given, (tuple, list)) and given:
            first = _number(given[0], _DEFAULT_EPS)
    except ValueProblem:
        pass
    points: list[tuple[float, dict[str, object]]] = []
    for value in SWEEP:
        changed = job.with_argument("eps", f"({first!r}, {value!r})")
        points.append((value, {"optimizer_args": list(changed.argument_items)}))
    return points
