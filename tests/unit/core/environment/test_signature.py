"""Forms for classes that no catalogue knows: real classes in a real interpreter, and what is made of signatures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.catalogue.kinds import BoolKind, LiteralKind, NumberKind, TextKind, TupleKind
from core.catalogue.spec import ArgumentSpec
from core.environment.probe import probe_signature
from core.environment.signature import specs_from_signature
from core.errors import CaddieError
from tests.helpers.environments import make_checkout, make_environment_of, make_venv, put_package, site_packages

CODE = '''
from __future__ import annotations
from typing import Any, Literal, Optional
import math

class Tuned:
    """An optimizer.

    Args:
        params: the weights.
        lr (float): learning rate.
        betas (tuple): averages of the gradient,
            and of its square.
        eps: small number: for stability

    Example:
        >>> Tuned(params)
    """
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), eps: float = 1e-30, weight_decay=0, growth=math.inf, *,
                 steps: int = 5, warm: bool = False, cap: bool | float = True, mode: Literal["a", "b"] = "a", name: str = "x",
                 foreach: Optional[bool] = None, beta3=None, limit: float | None = None, hook=print, needed: float, **rest):
        pass

class Broken:
    def __init__(self, *args, **kwargs):
        pass

value = 3
'''


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    python = make_venv(tmp_path / "venv")
    put_package(python, "tuned-optimizer", "1.0", CODE, module="tuned")
    return python


def by_name(specs: tuple[ArgumentSpec, ...]) -> dict[str, ArgumentSpec]:
    return {spec.name: spec for spec in specs}


def test_a_class_gives_its_arguments(venv: Path) -> None:
    specs = by_name(probe_signature(make_environment_of(venv), "tuned.Tuned"))
    assert list(specs) == [
        *("betas", "eps", "weight_decay", "growth", "steps", "warm", "cap", "mode", "name", "foreach", "beta3", "limit", "needed")
    ]
    kinds = {name: spec.kind for name, spec in specs.items()}
    assert kinds["betas"] == TupleKind(item=NumberKind(), length=2)
    assert kinds["eps"] == NumberKind()
    assert kinds["weight_decay"] == NumberKind()
    assert kinds["steps"] == NumberKind(whole=True)
    assert kinds["warm"] == BoolKind()
    assert kinds["cap"] == LiteralKind()
    assert kinds["mode"] == TextKind(choices=("a", "b"))
    assert kinds["name"] == TextKind()
    assert kinds["foreach"] == BoolKind()
    assert kinds["beta3"] == LiteralKind()
    assert kinds["limit"] == NumberKind()
    assert {name for name, spec in specs.items() if spec.nullable} == {"foreach", "beta3", "limit"}
    assert specs["growth"].default == math.inf
    assert specs["eps"].default == 1e-30
    assert specs["betas"].help.en == "averages of the gradient, and of its square."
    assert specs["eps"].help.en == "small number: for stability"
    for spec in specs.values():
        if spec.name not in ("needed",):
            assert spec.parse(spec.show(spec.default)) == spec.default


def test_a_class_that_takes_anything_has_an_empty_form(venv: Path) -> None:
    assert probe_signature(make_environment_of(venv), "tuned.Broken") == ()


def test_a_bare_name_is_looked_for_in_torch(venv: Path) -> None:
    put_package(venv, "torch", "2.4.1")
    optim = site_packages(venv) / "torch" / "optim.py"
    optim.write_text("class Own:\n    def __init__(self, params, lr=1, momentum=0.0): ...\n", encoding="utf-8")
    assert [spec.name for spec in probe_signature(make_environment_of(venv), "Own")] == ["momentum"]


def test_a_class_of_the_checkout_is_found(venv: Path, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    (checkout / "library" / "mine.py").write_text("class Mine:\n    def __init__(self, params, k=2.0): ...\n", encoding="utf-8")
    specs = probe_signature(make_environment_of(venv, checkout), "library.mine.Mine")
    assert [(spec.name, spec.default) for spec in specs] == [("k", 2.0)]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("tuned.Tunned", "Did you mean Tuned?"),
        ("tuned.value", "does not tell its arguments"),
        ("no_such_package.Thing", "No module named 'no_such_package'"),
    ],
)
def test_what_cannot_be_read_says_why(venv: Path, path: str, words: str) -> None:
    with pytest.raises(CaddieError, match=r".") as caught:
        probe_signature(make_environment_of(venv), path)
    assert words in caught.value.text.en


def test_a_hanging_or_crashing_import_is_an_error_in_time(venv: Path) -> None:
    put_package(venv, "hangs", "1", "import time; time.sleep(600)")
    put_package(venv, "crashes", "1", "import os; os._exit(1)")
    for module in ("hangs", "crashes"):
        with pytest.raises(CaddieError, match=r"crashed or hung"):
            probe_signature(make_environment_of(venv), f"{module}.X", timeout=1)


def test_an_interpreter_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(CaddieError, match=r"There is no file"):
        probe_signature(make_environment_of(tmp_path / "python"), "torch.optim.AdamW")


def parameter(name: str, default: str | None, annotation: str = "", kind: str = "POSITIONAL_OR_KEYWORD") -> dict[str, object]:
    return {"name": name, "kind": kind, "default": default, "has_default": default is not None, "annotation": annotation}


@pytest.mark.parametrize("default", ["<object object at 0x7f>", "torch.float32", "nan", "{'a': 1}", "[1, 'x']"])
def test_defaults_that_no_command_line_can_say_are_left_out(default: str) -> None:
    assert specs_from_signature([parameter("params", None), parameter("a", default), parameter("b", "1.0")])[0].name == "b"
