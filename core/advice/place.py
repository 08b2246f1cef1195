"""Rules on the environment that trains, from what its probe saw; the probe itself imports the packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.advice.model import Severity, Subject, Trouble, set_options
from core.environment.check import is_older, optimizer_state
from core.environment.model import ProbeReport, Readiness
from core.job.optimizer import is_fast
from core.text import Text

_DOOMED = (Readiness.MISSING, Readiness.TOO_OLD, Readiness.BROKEN)
"""What ends a training. NEEDS_CUDA is not among them: PagedAdEMAMix8bit was seen to step on a processor, and that there is no
GPU is told of by a rule of its own."""
_BF16_SINCE = 8.0
"""Compute capability of the first NVIDIA GPUs that calculate in bfloat16 (Ampere)."""


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """A rule that looks at the environment too; otherwise as `core.advice.model.Rule`. Their source is sd-scripts."""

    id: str
    severity: Severity
    check: Callable[[Subject, ProbeReport], Iterator[Trouble]]


def _optimizer(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """A package that is missing, too old or broken."""
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


_BLACKWELL, _FIRST_FOR_IT = 10.0, "0.45.3"
"""Compute capability of the RTX 50 series, and the first bitsandbytes that was built for it (issue 1517 there is what
happens before: `str2optimizer8bit_blockwise` is not defined)."""
_OLDEST: tuple[tuple[tuple[int, int], float], ...] = (((13, 0), 7.5), ((12, 8), 7.0), ((0, 0), 6.0))
"""CUDA of the build -> lowest compute capability that bitsandbytes is built for. Source: its .github/scripts/build-cuda.sh."""


def _eight_bit(subject: Subject, report: ProbeReport) -> Iterator[Trouble]:
    """bitsandbytes without kernels for the GPU."""
    spec, found = subject.spec, report.packages.get("bitsandbytes")
    wanted = spec is not None and any(one.package == "bitsandbytes" for one in spec.requirements)
    if not wanted or found is None or found.version is None or not report.gpus or report.cuda_version is None:
        return
    version, gpu = found.version, min(report.gpus, key=lambda one: _capability(one.capability))
    newest = max(report.gpus, key=lambda one: _capability(one.capability))
    numbers = [int(word) for word in report.cuda_version.split(".")[:2] if word.isdecimal()]
    cuda = (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
    oldest = next(least for since, least in _OLDEST if cuda >= since)
    if _capability(newest.capability) >= _BLACKWELL and is_older(version, _FIRST_FOR_IT):
        text = Text(
            f"bitsandbytes {version} was not built for {newest.name}; {_FIRST_FOR_IT} is the first that was. Update it.",
            f"bitsandbytes {version} は {newest.name} に対応していません。対応は {_FIRST_FOR_IT} からです。更新してください。",
        )
    elif _capability(gpu.capability) < oldest:
        text = Text(
            f"bitsandbytes for CUDA {report.cuda_version} is not built for GPUs as old as {gpu.name} any more: the 8-bit and paged "
            "optimizers may find no kernel there.",
            f"CUDA {report.cuda_version} 用の bitsandbytes は {gpu.name} のような古い GPU 向けにはビルドされなくなりました。"
            "8bit や Paged のオプティマイザーが動かないことがあります。",
        )
    else:
        return
    yield Trouble(text, ("option:optimizer_type",))


PLACE_RULES = (
    PlaceRule("environment.optimizer", "error", _optimizer),
    PlaceRule("environment.xformers", "error", _xformers),
    PlaceRule("environment.no-gpu", "warning", _no_cuda),
    PlaceRule("environment.bfloat16", "warning", _bfloat16),
    PlaceRule("environment.eight-bit", "warning", _eight_bit),
)
"""In the order in which the findings come."""
