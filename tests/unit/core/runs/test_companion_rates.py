"""The companion reads of each optimizer what its step really used. Compared with the optimizers' own code."""

from __future__ import annotations

import ast
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.runs import companion
from core.runs.companion import Watch, before_group, effective_lr, gradient_norm, group_names, plain

torch = pytest.importorskip("torch")


def parameters(count: int = 2) -> list[Any]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(8, 4)) for _ in range(count)]


def step(optimizer: Any) -> list[dict[str, Any]]:
    """One step with gradients, seen as the hooks see it."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = p.detach().clone() * 0.1
    known = [before_group(optimizer, group) for group in optimizer.param_groups]
    own_rate = getattr(optimizer, "lr", None)
    optimizer.step()
    for index, group in enumerate(known):
        group["effective_lr"] = effective_lr(optimizer, group, index, own_rate)
    return [{key: plain(value) for key, value in group.items()} for group in known]


def two_groups() -> list[dict[str, Any]]:
    first, second = parameters()
    return [{"params": [first]}, {"params": [second]}]


def test_a_scheduled_rate_is_the_one_before_the_step() -> None:
    optimizer = torch.optim.AdamW(two_groups(), lr=0.1)
    optimizer.param_groups[1]["lr"] = 0.2
    assert [group["lr"] for group in step(optimizer)] == [0.1, 0.2]
    assert [group["effective_lr"] for group in step(optimizer)] == [0.1, 0.2]


def test_a_rate_that_is_a_tensor_is_read_as_it_was() -> None:
    optimizer = torch.optim.AdamW(parameters(1), lr=torch.tensor(0.5))
    known = before_group(optimizer, optimizer.param_groups[0])
    optimizer.param_groups[0]["lr"].mul_(0)
    assert plain(known["lr"]) == 0.5


def test_schedule_free_shows_its_warm_up() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    optimizer = schedulefree.RAdamScheduleFree(two_groups(), lr=0.1)
    optimizer.train()
    seen = [step(optimizer)[0]["effective_lr"] for _ in range(8)]
    assert seen[:4] == [0.0] * 4  # its silent phase
    assert 0 < seen[5] < seen[7] < 0.1


def test_prodigy_steps_with_the_d_before() -> None:
    prodigyopt = pytest.importorskip("prodigyopt")
    optimizer = prodigyopt.Prodigy(two_groups(), lr=1.0)
    after: list[float] = [optimizer.param_groups[0]["d"]]
    for _ in range(6):
        (first, second) = step(optimizer)
        assert first["d"] == second["d"] == first["d_lr"] == first["effective_lr"] == after[-1]
        after.append(optimizer.param_groups[0]["d"])
    assert after[-1] > after[0]


def test_prodigyplus_steps_with_its_own_word_for_it() -> None:
    prodigyplus = pytest.importorskip("prodigyplus")
    optimizer = prodigyplus.ProdigyPlusScheduleFree(two_groups(), lr=1.0, split_groups=True, split_groups_mean=True)
    optimizer.train()
    optimizer.param_groups[1]["d"] = 3e-4
    for _ in range(3):
        said = [optimizer.get_dlr(group) for group in optimizer.param_groups]
        assert [group["d_lr"] for group in step(optimizer)] == pytest.approx([float(value) for value in said], rel=1e-12)
    mean = step(optimizer)[0]["d"]
    assert 1e-6 < mean < 3e-4  # neither group's own


class ProdigyPlus1:
    """As prodigy-plus-schedule-free 1.9.2 keeps it: attributes of the optimizer."""

    def __init__(self, split: bool, shared: float | None) -> None:
        self.split_groups, self.shared_d = split, shared


@pytest.mark.parametrize(("split", "shared", "d"), [(True, 3e-6, 3e-6), (True, None, 1e-6), (False, 3e-6, 1e-6)])
def test_the_first_prodigyplus_kept_it_elsewhere(split: bool, shared: float | None, d: float) -> None:
    assert before_group(ProdigyPlus1(split, shared), {"lr": 1.0, "d": 1e-6})["d_lr"] == d


@pytest.mark.parametrize(
    "options",
    [
        {"relative_step": True, "scale_parameter": True, "warmup_init": False, "lr": None},
        {"relative_step": True, "scale_parameter": False, "warmup_init": True, "lr": None},
        {"relative_step": False, "scale_parameter": True, "lr": 0.01},
        {"relative_step": False, "scale_parameter": False, "lr": 0.01},
    ],
)
def test_adafactor_is_the_mean_of_its_own_rates(options: dict[str, Any]) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    first, second, third = parameters(3)
    third.data.mul_(1e-5)
    optimizer = optimization.Adafactor([{"params": [first, third]}, {"params": [second]}], **options)
    for _ in range(3):
        seen = step(optimizer)
        for group, known in zip(optimizer.param_groups, seen, strict=True):
            rates = [float(optimizer._get_lr(group, optimizer.state[p])) for p in group["params"]]
            assert known["effective_lr"] == pytest.approx(sum(rates) / len(rates), rel=1e-6)


class Emo:
    """pytorch-optimizer 3.9.0's rate without a closure: its own `lr`, multiplied once a group from the second step on."""

    def __init__(self, groups: int) -> None:
        self.lr, self.lr_min, self.lr_max, self.prev_loss = 1e-4, 1e-8, 1e-3, None
        self.param_groups = [{"lr": 1e-4} for _ in range(groups)]
        self.used: list[float] = []

    def step(self) -> None:
        self.used = []
        for _ in self.param_groups:
            if self.prev_loss is not None:
                self.lr *= math.exp(-0.1)
            self.used.append(max(self.lr_min, min(self.lr_max, self.lr)))
        self.prev_loss = 0.0  # type: ignore[assignment]


Emo.__module__ = "pytorch_optimizer.optimizer.emonavi"


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_emo_series_has_a_rate_of_its_own(groups: int) -> None:
    optimizer = Emo(groups)
    for _ in range(60):
        before = optimizer.lr
        optimizer.step()
        seen = [effective_lr(optimizer, {"d_lr": None, "lr": 1e-4}, i, before) for i in range(groups)]
        assert seen == pytest.approx(optimizer.used, rel=1e-9)


def test_the_gradient_norm_is_torchs_and_harms_nothing() -> None:
    optimizer = torch.optim.SGD(parameters(5), lr=0.1)
    for p in optimizer.param_groups[0]["params"]:
        p.grad = torch.randn_like(p)
    grads = [p.grad.clone() for p in optimizer.param_groups[0]["params"]]
    state = torch.get_rng_state()
    norm = float(gradient_norm(optimizer))
    assert torch.equal(state, torch.get_rng_state())
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 1e9)), rel=1e-6)
    assert all(torch.equal(a, p.grad) for a, p in zip(grads, optimizer.param_groups[0]["params"], strict=True))


def test_groups_are_called_as_the_script_calls_them() -> None:
    groups = two_groups()
    assert group_names(groups, {"lr_descriptions": ["textencoder 1 ", "textencoder 1 "]}) == [
        "textencoder 1",
        "textencoder 1 (2)",
    ]
    assert group_names(groups, {"lr_descriptions": ["one"]}) == ["group0", "group1"]
    assert group_names(groups, {}) == ["group0", "group1"]


def test_groups_without_a_name_are_called_after_their_model() -> None:
    class Model:
        def __init__(self, group: dict[str, Any]) -> None:
            self.parameters = lambda: group["params"]

    groups = two_groups()
    assert group_names(groups, {"unet": Model(groups[1]), "text_encoders": [Model(groups[0])]}) == ["text_encoders", "unet"]

    class Network:
        text_encoder_loras = (Model(groups[0]),)
        unet_loras = (Model(groups[1]),)

    assert group_names(groups, {"network": Network()}) == ["textencoder", "unet"]


def test_an_optimizer_inside_an_optimizer_is_one_step(tmp_path: Path) -> None:
    watch = Watch(str(tmp_path / "events"), None, "/nowhere/script.py")
    outer, inner = (torch.optim.SGD(parameters(1), lr=0.1) for _ in range(2))
    for _ in range(2):
        watch.before_step(outer)
        watch.before_step(inner)
        watch.after_step(inner)
        watch.after_step(outer)
    watch.finish("returned")
    lines = (tmp_path / "events").read_text().splitlines()
    assert sum('"event": "step"' in line for line in lines) == 2


def test_a_skipped_step_is_counted_as_the_script_counts_it(tmp_path: Path) -> None:
    class Accelerator:
        sync_gradients, scaler = True, object()

    watch = Watch(str(tmp_path / "events"), None, "/nowhere/script.py")
    optimizer = torch.optim.SGD(parameters(1), lr=0.1)
    for overflow in (False, True, False):
        watch.boundary()
        watch.before_backward(Accelerator(), torch.tensor(1.5))
        if not overflow:
            watch.before_step(optimizer)
            watch.after_step(optimizer)
    watch.finish("returned")
    from core.runs.event_lines import decode_event
    from core.runs.events import Step, Warned

    events = [decode_event(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [(e.step, e.loss, len(e.groups)) for e in events if isinstance(e, Step)] == [(1, 1.5, 1), (2, 1.5, 0), (3, 1.5, 1)]
    assert [(e.key, e.step) for e in events if isinstance(e, Warned)] == [("step-skipped", 2)]


COMPANION = Path(companion.__file__)


def test_the_companion_needs_nothing_but_the_standard_library() -> None:
    files = sorted(COMPANION.parent.glob("companion*.py"))
    assert len(files) > 1
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        own = {found.stem for found in files} | {"core"}  # `core` under `if __package__` alone; the next test runs it without
        assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, *own}, file


@pytest.mark.parametrize("flags", [(), ("-I",)])
def test_the_companion_runs_alone_with_the_files_beside_it(tmp_path: Path, flags: tuple[str, ...]) -> None:
    for file in COMPANION.parent.glob("companion*.py"):
        shutil.copy(file, tmp_path / file.name)
    script = tmp_path / "sub" / "script.py"
    script.parent.mkdir()
    script.write_text("import sys; print('core' in sys.modules, sys.path[0] == PLACE)".replace("PLACE", repr(str(script.parent))))
    done = subprocess.run(
        [sys.executable, *flags, str(tmp_path / "companion.py"), str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # As without it: isolated (-I, or PYTHONSAFEPATH) no folder of a script is put on the module path.
    assert (done.stdout, done.stderr) == (f"False {not flags}\n", "")
