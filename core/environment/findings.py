"""What is wrong with an environment as a whole, whatever the optimizer: for its page and for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.environment.check import is_older, torch_state
from core.environment.model import Environment, ProbeReport, Readiness
from core.text import Text

_OLDEST_PYTHON = "3.10"


class Weight(str, Enum):
    """How bad it is: nothing can be trained, training is hampered, or worth knowing."""

    BLOCKS = "blocks"
    HAMPERS = "hampers"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about an environment: what it is and what to do."""

    weight: Weight
    text: Text


def findings(environment: Environment, report: ProbeReport) -> tuple[Finding, ...]:
    """Everything to know about a probed environment, worst first."""
    if report.problem is not None:
        return (Finding(Weight.BLOCKS, report.problem),)
    found = [*_python(report), *_torch(report), *_accelerate(report), *_checkout(environment, report)]
    order = list(Weight)
    return tuple(sorted(found, key=lambda item: order.index(item.weight)))


def _python(report: ProbeReport) -> list[Finding]:
    found: list[Finding] = []
    if is_older(report.python_version, _OLDEST_PYTHON):
        text = Text(
            f"Python {report.python_version} is older than sd-scripts supports ({_OLDEST_PYTHON} or newer).",
            f"Python {report.python_version} は sd-scripts の対応バージョン ({_OLDEST_PYTHON} 以降) より古いです。",
        )
        found.append(Finding(Weight.HAMPERS, text))
    if report.bits == 32:
        text = Text(
            "This is a 32-bit Python, for which there is no PyTorch. Install the 64-bit Python.",
            "32 ビット版の Python です。PyTorch は 64 ビット版にしか対応していないので、64 ビット版を入れてください。",
        )
        found.append(Finding(Weight.BLOCKS, text))
    return found


def _torch(report: ProbeReport) -> list[Finding]:
    state = torch_state(report)
    if state.reason is not None:
        weight = Weight.HAMPERS if state.readiness is Readiness.UNKNOWN else Weight.BLOCKS
        return [Finding(weight, state.reason)]
    if report.gpu_problem:
        text = Text(
            f"Asking PyTorch for the GPU failed: {report.gpu_problem}. Update the NVIDIA driver.",
            f"PyTorch に GPU を問い合わせたところ失敗しました: {report.gpu_problem}。NVIDIA ドライバーを更新してください。",
        )
        return [Finding(Weight.HAMPERS, text)]
    if report.cuda_available or report.platform == "darwin":
        return []
    if report.cuda_version is None:
        text = Text(
            f"PyTorch {report.torch_version} is built without CUDA: training runs on the CPU, which takes hours per epoch."
            " With an NVIDIA GPU, install the CUDA build as sd-scripts' README says.",
            f"PyTorch {report.torch_version} は CUDA 非対応ビルドです。CPU での学習は非常に時間がかかります。"
            "NVIDIA GPU がある場合は、sd-scripts の README の手順で CUDA 版を入れてください。",
        )
    else:
        text = Text(
            f"PyTorch is built for CUDA {report.cuda_version} but sees no GPU. Is an NVIDIA driver installed?",
            f"PyTorch は CUDA {report.cuda_version} 対応ですが、GPU が見つかりません。NVIDIA ドライバーは入っていますか?",
        )
    return [Finding(Weight.HAMPERS, text)]


def _accelerate(report: ProbeReport) -> list[Finding]:
    package = report.packages.get("accelerate")
    if package is None or (package.version is None and package.imports is None):
        text = Text(
            "accelerate is not installed; without it no training starts. Install sd-scripts' requirements.txt.",
            "accelerate が入っていないため、学習を開始できません。sd-scripts の requirements.txt をインストールしてください。",
        )
        return [Finding(Weight.BLOCKS, text)]
    if package.imports is False:
        text = Text(
            f"accelerate {package.version or ''} cannot be imported: {package.error}",
            f"accelerate {package.version or ''} をインポートできません: {package.error}",
        )
        return [Finding(Weight.BLOCKS, text)]
    return []


def _checkout(environment: Environment, report: ProbeReport) -> list[Finding]:
    if environment.sd_scripts is None:
        text = Text(
            "No sd-scripts folder belongs to this environment, so it cannot train. Choose the folder that holds train_network.py.",
            "この環境には sd-scripts のフォルダーが設定されていないため、学習できません。"
            "train_network.py のあるフォルダーを選んでください。",
        )
        return [Finding(Weight.BLOCKS, text)]
    if report.checkout is not None and report.checkout.problem is not None:
        return [Finding(Weight.BLOCKS, report.checkout.problem)]
    return []
