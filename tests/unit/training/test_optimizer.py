"""Optimizers by name: the classes that sd-scripts builds (tests/golden/make_optimizers.py), two real steps, and clear errors."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.errors import CaddieError
from core.training.optimizer import BuiltOptimizer, build_optimizer, rehearse
from core.training.options import OptionReader
from core.training.rates.schedules import build_schedule
from core.training.rates.settings import OptimizerSettings, RateSettings, read_settings

pytestmark = pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "golden" / "optimizers.json").read_text(encoding="utf-8"))
RIGHT = [case for case in GOLDEN if "class" in case]
WRONG = [case for case in GOLDEN if "error" in case]
CATALOGUE = load_catalogue()


def settings_of(name: str, arguments: list[str]) -> OptimizerSettings:
    options = OptionReader({"optimizer_type": name, "optimizer_args": arguments} if name else {"optimizer_args": arguments})
    settings = read_settings(options).optimizer
    options.finish()
    return settings


def groups_of(*rates: float, size: int = 6) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(1)
    return [{"params": [torch.randn(size, size, generator=generator).requires_grad_()], "lr": rate} for rate in rates]


def two_steps(built: BuiltOptimizer, groups: list[dict[str, Any]]) -> None:
    for loss in (0.5, 0.4):
        for group in groups:
            for weights in group["params"]:
                weights.grad = weights.detach() * 0.1 + 0.01
        built.hear(torch.tensor(loss))
        built.optimizer.step()


def case_name(case: dict[str, Any]) -> str:
    return " ".join([case["name"] or "(none)", *case["arguments"]])


@pytest.mark.parametrize("case", RIGHT, ids=case_name)
def test_the_class_and_its_settings_are_those_of_sd_scripts(case: dict[str, Any]) -> None:
    groups = groups_of(1e-4, 1e-4)
    built = build_optimizer(settings_of(case["name"], case["arguments"]), groups, 1e-4)
    assert built.name == case["class"]
    assert built.description == case["class"] + (f"({case['text']})" if case["text"] else "")
    found = built.optimizer.param_groups[0]
    # sd-scripts pins other versions of these two, whose further settings are others.
    versions_differ = case["class"].startswith(("prodigyplus", "pytorch_optimizer"))
    for name, value in case["group"].items():
        if name in found and value is not None and (name in {"lr", "weight_decay"} or not versions_differ):
            assert found[name] == (tuple(value) if isinstance(found[name], tuple) else value), name
    assert groups[0]["lr"] == 1e-4, "the caller's groups are left as they are"


@pytest.mark.parametrize("case", WRONG, ids=case_name)
def test_what_sd_scripts_does_not_build_is_refused_with_words(case: dict[str, Any]) -> None:
    with pytest.raises(CaddieError) as caught:
        build_optimizer(settings_of(case["name"], case["arguments"]), groups_of(1e-4), 1e-4)
    assert caught.value.text.ja != caught.value.text.en


@pytest.mark.parametrize("spec", list(CATALOGUE), ids=lambda spec: spec.id)
def test_every_optimizer_of_the_catalogue_takes_two_steps(spec: OptimizerSpec) -> None:
    names = [spec.optimizer_type, *([spec.fast.optimizer_type] if spec.fast else [])]
    for name in names:
        arguments = [f"{key}={value}" for key, value in (spec.fast.only_with if spec.fast and name != names[0] else {}).items()]
        settings = settings_of(name, arguments)
        groups = groups_of(spec.learning_rate.start, spec.learning_rate.start, size=64)
        before = [group["params"][0].detach().clone() for group in groups]
        built = build_optimizer(settings, groups, spec.learning_rate.start)
        schedule = build_schedule(RateSettings(optimizer=settings), built.optimizer, 10)
        for _ in range(3 if name == "RAdamScheduleFree" else 1):  # its first four steps move nothing
            two_steps(built, groups)
        assert (schedule is None) == built.is_schedule_free == name.lower().endswith("schedulefree")
        for group, old in zip(groups, before, strict=True):
            new = group["params"][0].detach()
            assert torch.isfinite(new).all()
            assert not torch.equal(new, old), f"{name} does not move"
        rehearse(settings, groups, spec.learning_rate.start)


def test_every_argument_of_the_catalogue_is_accepted() -> None:
    for spec in CATALOGUE:
        given = {argument.name: argument.default for argument in spec.arguments}
        if spec.id == "AdaFactor":
            given.pop("relative_step")
        build_optimizer(OptimizerSettings(name=spec.optimizer_type, arguments=dict(given)), groups_of(0.5), 0.5)


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("AdmW", [], "Did you mean AdamW?"),
        ("adam", [], "Did you mean Adam?"),
        ("EmoNavi", [], "pytorch_optimizer.optimizer.emonavi.EmoNavi"),
        ("CAME", [], "came_pytorch.CAME"),
        ("AdEMAMix8bit", [], "bitsandbytes.optim.AdEMAMix8bit"),
        ("dadaptation.DAdaptAdam", [], "Did you mean DAdaptAdam?"),
        ("torch.optim.adamw", [], "AdamW"),
        ("prodigyopt.Prodgy", [], "prodigyopt.Prodigy"),
        ("optimizers.Prodgy", [], "optimizers.Prodigy"),
        ("no_such_package.Foo", [], "pip install no_such_package"),
        ("prodigyopt.nothing.Foo", [], "prodigyopt has no prodigyopt.nothing"),
        ("math.pi", [], "math.pi is no optimizer"),
        ("fractions.Fraction", [], "fractions.Fraction"),
        ("AdamW", ["weight_decy=0.1", "beta=(0.9,0.9)"], "weight_decy: there is no such argument; did you mean weight_decay?"),
        ("AdamW", ["weight_decy=0.1", "beta=(0.9,0.9)"], "did you mean betas?"),
        ("AdamW", ["lr=0.1"], "learning_rate"),
        ("SGDNesterov", ["nesterov=False"], "it is True always"),
        ("AdamW", ["betas=(1.5,0.9)"], "1.5"),
        ("AdamW", ["betas=3"], "AdamW"),
        ("transformers.optimization.Adafactor", [], "relative_step=True"),
    ],
)
def test_errors_say_what_to_do(name: str, arguments: list[str], named: str) -> None:
    with pytest.raises(CaddieError) as caught:
        build_optimizer(settings_of(name, arguments), groups_of(1e-4), 1e-4)
    assert named in caught.value.text.en


@pytest.mark.parametrize("spec", [spec for spec in CATALOGUE if spec.requirements], ids=lambda spec: spec.id)
def test_a_missing_package_is_named_as_pip_takes_it(spec: OptimizerSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    root = spec.class_path.partition(".")[0]
    for loaded in [module for module in sys.modules if module.partition(".")[0] == root]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [_Without(root), *sys.meta_path])
    with pytest.raises(CaddieError) as caught:
        build_optimizer(OptimizerSettings(name=spec.optimizer_type), groups_of(1e-4), 1e-4)
    assert f"pip install {spec.requirements[0].package}" in caught.value.text.en


class _Without:
    """As if a package were not installed."""

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == self.root:
            raise ModuleNotFoundError(f"No module named {name!r}", name=self.root)


def test_different_rates_are_found_before_the_training() -> None:
    settings = settings_of("prodigy", [])
    groups = groups_of(1.0, 0.5)
    built = build_optimizer(settings, groups, 1.0)
    assert [warning.en for warning in built.warnings if "several: 1, 0.5" in warning.en]
    random_state, weights = torch.get_rng_state(), [group["params"][0].detach().clone() for group in groups]
    with pytest.raises(CaddieError) as caught:
        rehearse(settings, groups, 1.0)
    assert "different lr" in caught.value.text.en
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(group["params"][0], old) for group, old in zip(groups, weights, strict=True))


def test_a_warm_up_that_an_optimizer_cannot_begin_is_found_before_the_training() -> None:
    settings = read_settings(OptionReader({"optimizer_type": "DAdaptSGD", "lr_scheduler": "cosine", "lr_warmup_steps": 2}))

    def schedule(optimizer: Optimizer) -> LRScheduler | None:
        return build_schedule(settings, optimizer, 10)

    rehearse(settings.optimizer, groups_of(1.0, 1.0), 1.0)
    with pytest.raises(CaddieError, match="lr_warmup_steps"):
        rehearse(settings.optimizer, groups_of(1.0, 1.0), 1.0, schedule)
    rehearse(replace(settings.optimizer, name="optimizers.DAdaptSGD"), groups_of(1.0, 1.0), 1.0, schedule)


def test_a_low_rate_is_warned_of() -> None:
    for name in ("prodigy", "optimizers.Prodigy", "DAdaptAdam", "prodigyplus.ProdigyPlusScheduleFree"):
        assert len(build_optimizer(settings_of(name, []), groups_of(1e-4), 1e-4).warnings) == 1
        assert build_optimizer(settings_of(name, []), groups_of(1.0), 1.0).warnings == ()
    assert build_optimizer(settings_of("AdamW", []), groups_of(1e-4), 1e-4).warnings == ()


def test_adafactor_makes_its_own_rate_unless_told_otherwise() -> None:
    built = build_optimizer(settings_of("AdaFactor", []), groups_of(1e-4, 2e-4), 1e-4)
    assert [group["lr"] for group in built.optimizer.param_groups] == [None, None]
    told = build_optimizer(
        settings_of("AdaFactor", ["relative_step=False", "scale_parameter=False"]), groups_of(1e-4, 2e-4), 1e-4
    )
    assert [group["lr"] for group in told.optimizer.param_groups] == [1e-4, 2e-4]


SCHEDULE_FREE = ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree", "optimizers.ProdigyPlusScheduleFree"]


@pytest.mark.parametrize("name", SCHEDULE_FREE)
def test_schedule_free_weights_are_switched(name: str) -> None:
    groups = groups_of(0.1)
    built = build_optimizer(settings_of(name, []), groups, 0.1)
    for _ in range(4):  # RAdam's first steps move nothing
        two_steps(built, groups)
    weights = groups[0]["params"][0]
    training = weights.detach().clone()
    built.eval()
    resting = weights.detach().clone()
    assert not torch.equal(training, resting)
    built.eval()
    assert torch.equal(weights, resting)
    built.train()
    torch.testing.assert_close(weights.detach(), training, rtol=1e-5, atol=1e-6)
    two_steps(built, groups)


def test_others_have_nothing_to_switch() -> None:
    groups = groups_of(0.1)
    built = build_optimizer(settings_of("AdamW", []), groups, 0.1)
    before = groups[0]["params"][0].detach().clone()
    built.eval()
    built.train()
    assert torch.equal(groups[0]["params"][0], before)


EMO = ["pytorch_optimizer.optimizer.emonavi.EmoNavi", "optimizers.EmoNavi", "optimizers.EmoLynx"]


def emo_weights(name: str, losses: list[float], *, by_hand: bool, scaled: bool = False) -> torch.Tensor:
    groups = groups_of(1e-3)
    built = build_optimizer(settings_of(name, []), groups, 1e-3)
    weights = groups[0]["params"][0]
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0) if scaled else None
    for number in losses:
        loss = torch.tensor(number)
        weights.grad = weights.detach() * 0.1 + 0.01
        built.hear(loss)
        if by_hand:
            built.optimizer.step(lambda loss=loss: loss)  # pyright: ignore[reportArgumentType, reportCallIssue]
        elif scaler is not None:
            scaler.scale(loss)
            scaler.step(built.optimizer)
            scaler.update()
        else:
            built.optimizer.step()
    return weights.detach()


@pytest.mark.parametrize("name", EMO)
def test_the_emo_series_hears_the_loss(name: str) -> None:
    falling, rising = [1.0, 0.7, 0.4, 0.2, 0.1, 0.05], [0.1, 0.4, 0.9, 1.5, 2.0, 3.0]
    heard = emo_weights(name, falling, by_hand=False)
    assert torch.equal(heard, emo_weights(name, falling, by_hand=True))
    assert torch.equal(heard, emo_weights(name, falling, by_hand=False, scaled=True))
    assert not torch.equal(heard, emo_weights(name, rising, by_hand=False)), "the loss makes no difference"


def test_an_emo_optimizer_without_its_loss_is_a_mistake_of_the_program() -> None:
    groups = groups_of(1e-3)
    built = build_optimizer(settings_of("optimizers.EmoNavi", []), groups, 1e-3)
    assert built.wants_loss
    groups[0]["params"][0].grad = torch.ones(6, 6)
    with pytest.raises(AssertionError, match="hear"):
        built.optimizer.step()


def test_others_do_not_hear_it() -> None:
    built = build_optimizer(settings_of("AdamW", []), groups_of(1e-3), 1e-3)
    assert not built.wants_loss
    built.hear(torch.tensor(1.0))
    assert not getattr(built.optimizer, "_optimizer_step_pre_hooks", {})


def test_a_class_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Optimizer):
        def __init__(self, params: Any, lr: float, **rest: Any) -> None:
            super().__init__(params, {"lr": lr, **rest})

        def step(self, closure: Any = None) -> None: ...

    module = type(sys)("mine_of_the_user")
    module.Mine = Mine  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "mine_of_the_user", module)
    built = build_optimizer(settings_of("mine_of_the_user.Mine", ["anything=3"]), groups_of(1e-3), 1e-3)
    assert built.optimizer.param_groups[0]["anything"] == 3
