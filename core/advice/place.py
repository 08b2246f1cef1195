"""Rules on the environment that trains, from what its probe saw; the probe itself imports the packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.advice.model import Severity, Subject, Trouble, set_options
from core.environment.check import optimizer_state
from core.environment.model import ProbeReport, Readiness
from core.job.optimizer import is_fast
from core.text import Text

_DOOMED = (Readiness.MISSING, Readiness.TOO_OLD, Readiness.BROKEN, Readiness.NEEDS_CUDA)
_BF16_SINCE = 8.0
"""Compute capability of the first NVIDIA GPUs that calculate in bfloat16 (Ampere)."""


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """A rule that looks at the environment too; otherwise as `core.advice.model.Rule`. Their source is sd-scripts."""

    id: str
    severity: Severity
    check: Callable[[Subject, ProbeReport], Iterator[Trouble]]


def _optimizer(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """A package that is missing, too old or broken, or an optimizer that needs a GPU."""
    spec = subject.spec
    if spec is None:
        return
    state = optimizer_state(spec, report, fast=is_fast(subject.job, spec))
    if state.readiness in _DOOMED and state.reason is not None:
        lines = ", ".join(state.to_install)
        how = (
            Text(f" Install it on the page Environment: {lines}", f"「環境」ページでインストールできます: {lines}")
            if lines
            else Text("", "")
        )
        yield Trouble(Text(state.reason.en + how.en, state.reason.ja + how.ja), ("option:optimizer_type",))


def _no_cuda(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """torch that cannot use a GPU: built without CUDA, or with a driver that it does not find."""
    del subject
    if report.torch_version is None or report.cuda_available or report.platform == "darwin":
        return
    if report.cuda_version is None:
        text = Text(
            f"PyTorch {report.torch_version} there is built without CUDA: sd-scripts would train on the processor, hundreds of times "
            "slower. With an NVIDIA GPU install the build with CUDA.",
            f"この環境の PyTorch {report.torch_version} は CUDA なしのビルドです。sd-scripts は CPU で学習し、数百倍遅くなります。NVIDIA の GPU "
            "がある場合は、CUDA 対応のビルドをインストールしてください。",
        )
    else:
        why = f" ({report.gpu_problem})" if report.gpu_problem else ""
        text = Text(
            f"PyTorch there finds no GPU{why}: sd-scripts would train on the processor, hundreds of times slower.",
            f"この環境の PyTorch は GPU を見つけられません{why}。sd-scripts は CPU で学習し、数百倍遅くなります。",
        )
    yield Trouble(text, ("option:mixed_precision",))


def _bfloat16(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """bf16 on a GPU from before it could."""
    if subject.word("mixed_precision") != "bf16" or not report.gpus:
        return
    old = [gpu for gpu in report.gpus if _capability(gpu.capability) < _BF16_SINCE]
    if old:
        yield Trouble(
            Text(
                f"{old[0].name} does not calculate in bfloat16; it is imitated, slowly. fp16 is what it is made for.",
                f"{old[0].name} は bfloat16 の計算に対応しておらず、遅い代替処理になります。fp16 を使ってください。",
            ),
            ("option:mixed_precision",),
            set_options(Text("Set mixed_precision to fp16", "mixed_precision を fp16 にする"), mixed_precision="fp16"),
        )


def _capability(words: str) -> float:
    try:
        return float(words)
    except ValueError:
        return _BF16_SINCE  # unknown: nothing is said


def _xformers(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """`xformers` where it is not installed."""
    found = report.packages.get("xformers")
    if subject.switched("xformers") and found is not None and found.version is None:
        yield Trouble(
            Text(
                "xformers is not installed there; sdpa needs no package.",
                "xformers が入っていません。sdpa なら追加のパッケージは不要です。",
            ),
            ("option:xformers",),
            set_options(Text("Use sdpa instead", "代わりに sdpa を使う"), xformers=None, sdpa=True),
        )


PLACE_RULES = (
    PlaceRule("environment.optimizer", "error", _optimizer),
    PlaceRule("environment.xformers", "error", _xformers),
    PlaceRule("environment.no-gpu", "warning", _no_cuda),
    PlaceRule("environment.bfloat16", "warning", _bfloat16),
)
"""In the order in which the findings come."""
