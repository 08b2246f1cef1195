"""The script that runs where it will be trained: here in this process, with the real torch and real packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.environment.conversation import Conversation
from core.preflight import child, child_curves
from core.preflight.model import Report
from core.preflight.verdict import judge
from tests.helpers.preflights import TRAIN_UTIL, make_trainer, request_for

Facts = dict[str, dict[str, Any]]
BAD = """
import torch
class Nan(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data.mul_(float("nan"))
class Still(Nan):
    def step(self, closure=None):
        pass
class HalfStill(Nan):
    def step(self, closure=None):
        self.param_groups[0]["params"][0].data.add_(1)
class Hears(Nan):
    def step(self, closure=None):
        for weight in self.param_groups[0]["params"] + self.param_groups[1]["params"]:
            weight.data.add_(float(closure()))
"""


class Speaker:
    """Keeps what would be said."""

    def __init__(self) -> None:
        self.facts: list[dict[str, Any]] = []

    def say(self, kind: str, **facts: Any) -> None:
        self.facts.append({"kind": kind, **facts})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fact for fact in self.facts if fact["kind"] == kind]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_trainer(tmp_path_factory.mktemp("checkout"))
    (folder / "caddie_test_bad.py").write_text(BAD, encoding="utf-8")
    return folder


@pytest.fixture
def tried(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Speaker, Report]]:
    monkeypatch.syspath_prepend(str(checkout))

    def run(options: dict[str, Any], **changes: Any) -> tuple[Speaker, Report]:
        speaker, request = Speaker(), request_for(checkout, options, **changes)
        speaker.say("hello")
        try:
            child.try_steps(speaker, request, child.SdScripts(request), torch, "cpu")
        except Exception as error:  # noqa: BLE001  (as the script itself does)
            speaker.say("failed", **child.failure(error))
        talk = Conversation(facts=list(speaker.facts), end="done")
        stepped = talk.first("stepped")
        report = Report(ending="passed", groups=("text_encoder", "unet"), steps=stepped["steps"] if stepped else 0)
        return speaker, judge(report, talk, Path(sys.executable), 1.0, trial=True)

    return run


def test_builds_with_the_checkout_s_own_function_and_steps(tried: Callable[..., tuple[Speaker, Report]]) -> None:
    speaker, report = tried({"optimizer_args": ["weight_decay=0.02"]})
    (built,), (stepped,) = speaker.of("built"), speaker.of("stepped")
    assert report.ending == "passed"
    assert built["name"] == "torch.optim.adamw.AdamW"
    assert built["arguments"] == "weight_decay=0.02"
    assert dict(built["defaults"])["weight_decay"] == "0.02"
    assert [group["lr"] for group in built["groups"]] == [1e-3, 1e-4]
    assert stepped["steps"] == 2
    assert stepped["moved"] == [4, 2]
    # Two moments of float32 and one step counter for each tensor.
    assert stepped["state_bytes"] == 8 * (4 * 24 * 4 + 2 * 16 * 4) + 4 * 6
    assert stepped["seconds"] > 0


def test_the_rates_told_are_those_given_and_not_those_of_a_warm_up_s_first_step(
    tried: Callable[..., tuple[Speaker, Report]],
) -> None:
    speaker, _ = tried({"lr_scheduler": "warm-up"})
    assert [group["lr"] for group in speaker.of("built")[0]["groups"]] == [1e-3, 1e-4]


def test_says_what_sd_scripts_warns_of(tried: Callable[..., tuple[Speaker, Report]]) -> None:
    speaker, _ = tried({"learning_rate": 1e-6})
    assert speaker.of("built")[0]["warnings"] == ["a low rate"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer_type": "caddie_no_such_package.Adam"}, "caddie_no_such_package"),
        ({"optimizer_args": ["weight_decy=0.1"]}, "weight_decy"),
        ({"optimizer_args": ["weight_decay"]}, "="),
        ({"optimizer_args": ["weight_decay=much"]}, "literal"),
        ({"optimizer_type": "AdamX"}, "AdamX"),
        ({"optimizer_type": "caddie_test_bad.Nan"}, "NaN"),
        ({"optimizer_type": "caddie_test_bad.Still"}, "no weight has moved"),
        ({"optimizer_type": "caddie_test_bad.HalfStill"}, "no weight of unet has moved"),
        ({"optimizer_type": "caddie_test_bad.Hears"}, "NoneType"),
    ],
)
def test_explains_each_failure(tried: Callable[..., tuple[Speaker, Report]], options: dict[str, Any], words: str) -> None:
    _, report = tried(options)
    assert report.ending == "failed"
    assert report.problem is not None
    assert words in report.problem.en + report.error
    assert report.problem.ja != report.problem.en


def test_hands_the_loss_over_where_the_companion_will(tried: Callable[..., tuple[Speaker, Report]]) -> None:
    _, report = tried({"optimizer_type": "caddie_test_bad.Hears"}, hand_loss=True)
    assert report.ending == "passed"


def test_a_rate_of_zero_moves_nothing_and_is_said(tried: Callable[..., tuple[Speaker, Report]]) -> None:
    groups = [{"lr": 0.0, "shapes": [[[4, 8], 1, False]]}, {"lr": 0.0, "shapes": [[[4, 8], 1, False]]}]
    _, report = tried({"optimizer_args": ["weight_decay=0.0"]}, groups=groups)
    assert report.problem is not None
    assert "learning rate is 0" in report.problem.en


@pytest.mark.parametrize("name", ["optimizers.Prodigy", "schedulefree.AdamWScheduleFree", "bitsandbytes.optim.AdamW8bit"])
def test_other_packages(tried: Callable[..., tuple[Speaker, Report]], name: str) -> None:
    if name.startswith("bitsandbytes"):
        pytest.importorskip("bitsandbytes")
    groups = [{"lr": 1e-3, "shapes": [[[64, 64], 2, False]]}] * 2  # 8 bits begin at 4096 elements
    speaker, report = tried({"optimizer_type": name}, groups=groups)
    assert report.ending == "passed", report
    if name.endswith("8bit"):
        # Two moments of one byte an element, a scale for each block of 256, and two tables of 256 numbers.
        assert speaker.of("stepped")[0]["state_bytes"] < 4 * 64 * 64 * 2 * 2


def test_curves_are_the_same_for_the_same_seed_and_follow_the_scheduler(checkout: Path) -> None:
    wanted = {"scale": 1.0, "seconds": 600, "variants": [["job", {}], ["defaults", {"lr_scheduler": "constant"}]], "sweep": []}
    request = request_for(
        checkout, {"lr_scheduler": "cosine", "optimizer_type": "optimizers.Prodigy", "learning_rate": 1.0}, curves=wanted
    )
    for group in request["groups"]:
        group["lr"] = 1.0
    found = []
    for _ in range(2):
        speaker = Speaker()
        child_curves.run(speaker, request, child.SdScripts(request), torch)
        found.append({fact["variant"]: fact for fact in speaker.of("curve")})
    job, defaults = found[0]["job"], found[0]["defaults"]
    assert job["stride"] == 1
    assert job["steps"] == list(range(30))
    assert job["loss"] == found[1]["job"]["loss"]
    assert job["rates"][-1][0] == pytest.approx(0.0, abs=1e-9)
    assert defaults["rates"][-1] == defaults["rates"][0]
    assert job["d_rates"][0][0] == pytest.approx(1e-6 * job["rates"][0][0])
    assert max(row[0] for row in defaults["d_rates"]) > 10 * defaults["d_rates"][0][0]
    assert all(0 < value < 10 for row in defaults["effective"] for value in row)


def test_many_steps_are_thinned_out_and_said_so(checkout: Path) -> None:
    wanted = {"scale": 1.0, "seconds": 0.02, "variants": [["job", {}]], "sweep": []}
    request = request_for(checkout, {"lr_scheduler": "cosine", "max_train_steps": 100000}, curves=wanted, steps=100000)
    speaker = Speaker()
    child_curves.run(speaker, request, child.SdScripts(request), torch)
    (curve,) = speaker.of("curve")
    assert curve["ended_early"] or (curve["stride"] > 1 and curve["last"] >= 100000)  # a busy machine ends it at once
    assert len(curve["steps"]) < 100000


def test_only_what_is_used_of_the_file_is_run(checkout: Path) -> None:
    functions = child.Functions(str(checkout / "library" / "train_util.py"))
    functions.get("get_optimizer")
    assert functions.space["DEFAULT_NAME"] == "AdamW"
    assert "a_heavy_package_that_is_not_there" not in functions.space


@pytest.mark.parametrize("source", ["def other(): ...", "def get_optimizer(:", "get_optimizer = 3"])
def test_another_form_is_not_understood(tmp_path: Path, source: str) -> None:
    folder = make_trainer(tmp_path, source)
    with pytest.raises(child.NotUnderstood):
        child.SdScripts(request_for(folder))
    assert "get_optimizer" in TRAIN_UTIL
