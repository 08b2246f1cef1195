"""Whether an optimizer can be used in an environment. The import decides; a dist-info alone proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PipRequirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from core.catalogue.spec import OptimizerSpec, Requirement
from core.environment.model import OptimizerState, PackageReport, ProbeReport, Readiness
from core.text import Text

FAST_PYTHON = "3.10"
FAST_TORCH = Requirement(package="torch", module="torch", minimum="2.1")
"""What Caddie's own optimizers need of the Python that trains; none of the packages that they stand for."""

_WORST_FIRST = (Readiness.MISSING, Readiness.BROKEN, Readiness.TOO_OLD, Readiness.NEEDS_CUDA, Readiness.UNKNOWN, Readiness.READY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementState:
    """One package that an optimizer needs, as it is.

    Attributes:
        package: distribution name.
        wanted: version condition as pip writes it (">=0.39.1"), "" when any will do.
        found: the version there, None when there is none.
        readiness: what is the matter.
        reason: one sentence; None when ready.
        to_install: the pip requirement that would mend it, None when pip would not.
    """

    package: str
    wanted: str
    found: str | None
    readiness: Readiness
    reason: Text | None = None
    to_install: str | None = None


def optimizer_state(spec: OptimizerSpec, report: ProbeReport | None, *, fast: bool = False) -> OptimizerState:
    """The install state of one optimizer: that of its worst package, whose name is in the reason.

    Args:
        spec: the optimizer.
        report: what the probe saw; None when it did not look yet.
        fast: as its fast implementation, which comes with Caddie.
    """
    if report is None:
        return OptimizerState(
            readiness=Readiness.UNKNOWN, reason=Text("No environment was probed yet.", "環境をまだ確認していません。")
        )
    if report.problem is not None:
        return OptimizerState(readiness=Readiness.UNKNOWN, reason=report.problem)
    if fast and spec.fast is not None:
        wanted = (FAST_TORCH, *spec.fast.requirements)
        states = [_python_state(report), torch_state(report), *(requirement_state(item, report) for item in wanted)]
    else:
        states = [torch_state(report), *(requirement_state(item, report) for item in spec.requirements)]
    if spec.needs_cuda and not report.cuda_available:
        states.append(_no_cuda(spec, report))
    worst = min(states, key=lambda state: _WORST_FIRST.index(state.readiness))
    to_install = tuple(dict.fromkeys(state.to_install for state in states if state.to_install))
    return OptimizerState(readiness=worst.readiness, reason=worst.reason, to_install=to_install)


def _python_state(report: ProbeReport) -> RequirementState:
    wanted = f">={FAST_PYTHON}"
    if not is_older(report.python_version, FAST_PYTHON):
        return RequirementState(package="python", wanted=wanted, found=report.python_version, readiness=Readiness.READY)
    reason = Text(
        f"The fast implementation needs Python {FAST_PYTHON} or newer; this is {report.python_version}.",
        f"高速実装には Python {FAST_PYTHON} 以降が必要です (この環境は {report.python_version})。",
    )
    return RequirementState(
        package="python", wanted=wanted, found=report.python_version, readiness=Readiness.TOO_OLD, reason=reason
    )


def torch_state(report: ProbeReport) -> RequirementState:
    """torch itself, which every optimizer needs. It is never offered for a plain pip install: the build matters."""
    found = report.packages.get("torch")
    if found is not None and found.imports:
        return RequirementState(package="torch", wanted="", found=found.version, readiness=Readiness.READY)
    if found is None or (found.version is None and found.imports is None):
        reason = Text(
            "PyTorch is not installed here. Install it as sd-scripts' README says: the right build depends on the GPU.",
            "PyTorch が入っていません。GPU に合ったビルドが必要なので、sd-scripts の README の手順でインストールしてください。",
        )
        return RequirementState(package="torch", wanted="", found=None, readiness=Readiness.MISSING, reason=reason)
    if found.imports is None:
        return _not_tried(found, "")
    reason = Text(
        f"PyTorch is installed but its import fails: {found.error}",
        f"PyTorch は入っていますが、インポートに失敗します: {found.error}",
    )
    return RequirementState(package="torch", wanted="", found=found.version, readiness=Readiness.BROKEN, reason=reason)


def requirement_state(requirement: Requirement, report: ProbeReport) -> RequirementState:
    """One package of an optimizer in a probed environment."""
    name = str(canonicalize_name(requirement.package))
    if name == "torch" and requirement.minimum is None:
        return torch_state(report)
    wanted = f">={requirement.minimum}" if requirement.minimum else ""
    pip_line = _pip_line(requirement)
    found = report.packages.get(name)
    if found is None:
        reason = Text(
            f"{requirement.package} was not looked for yet. Probe the environment again.",
            f"{requirement.package} はまだ確認していません。環境をもう一度確認してください。",
        )
        return RequirementState(package=name, wanted=wanted, found=None, readiness=Readiness.UNKNOWN, reason=reason)
    old = is_older(found.version, requirement.minimum)
    readiness, reason = _judge(requirement, found, old)
    needs_pip = readiness in (Readiness.MISSING, Readiness.BROKEN, Readiness.TOO_OLD)
    return RequirementState(
        package=name,
        wanted=wanted,
        found=found.version,
        readiness=readiness,
        reason=reason,
        to_install=pip_line if needs_pip else None,
    )


def _judge(requirement: Requirement, found: PackageReport, old: bool | None) -> tuple[Readiness, Text | None]:
    name, minimum = requirement.package, requirement.minimum
    if found.version is None and found.imports is None:
        return Readiness.MISSING, Text(f"{name} is not installed.", f"{name} が入っていません。")
    if found.imports is False:
        version = f" {found.version}" if found.version else ""
        return Readiness.BROKEN, Text(
            f"{name}{version} is installed but its import fails: {found.error}",
            f"{name}{version} は入っていますが、インポートに失敗します: {found.error}",
        )
    if old:
        return Readiness.TOO_OLD, Text(
            f"{name} {found.version} is too old; {minimum} or newer is needed.",
            f"{name} {found.version} は古すぎます。{minimum} 以降が必要です。",
        )
    if found.imports is None:
        state = _not_tried(found, "")
        return state.readiness, state.reason
    if old is None and minimum is not None:
        return Readiness.UNKNOWN, Text(
            f"{name} imports, but its version ({found.version or 'none'}) cannot be compared with {minimum}.",
            f"{name} はインポートできますが、バージョン ({found.version or 'なし'}) を {minimum} と比較できません。",
        )
    return Readiness.READY, None


def _not_tried(found: PackageReport, wanted: str) -> RequirementState:
    reason = Text(
        f"{found.package} {found.version} is installed, but whether it works was not seen ({found.error or 'not tried'}).",
        f"{found.package} {found.version} は入っていますが、動作を確認できていません ({found.error or '未確認'})。",
    )
    return RequirementState(package=found.package, wanted=wanted, found=found.version, readiness=Readiness.UNKNOWN, reason=reason)


def _no_cuda(spec: OptimizerSpec, report: ProbeReport) -> RequirementState:
    if report.cuda_version is None and report.torch_version is not None:
        reason = Text(
            f"{spec.name} needs an NVIDIA GPU, and this PyTorch ({report.torch_version}) is built without CUDA.",
            f"{spec.name} には NVIDIA GPU が必要ですが、この PyTorch ({report.torch_version}) は CUDA 非対応ビルドです。",
        )
    else:
        reason = Text(
            f"{spec.name} needs an NVIDIA GPU, and PyTorch sees none here.",
            f"{spec.name} には NVIDIA GPU が必要ですが、PyTorch から GPU が見えません。",
        )
    return RequirementState(package="torch", wanted="CUDA", found=None, readiness=Readiness.NEEDS_CUDA, reason=reason)


def is_older(version: str | None, minimum: str | None) -> bool | None:
    """Whether `version` is below `minimum` by PEP 440; None where that cannot be said. No minimum: never older."""
    if minimum is None:
        return False
    if version is None:
        return None
    try:
        return Version(version) < Version(minimum)
    except InvalidVersion:
        return None


def satisfied(requirement: str, report: ProbeReport) -> bool:
    """Whether a pip requirement holds in the environment: the right version is there and, where it was tried, imports."""
    try:
        wanted = PipRequirement(requirement)
    except InvalidRequirement:
        return False
    found = report.packages.get(str(canonicalize_name(wanted.name)))
    if found is None or found.version is None or found.imports is False:
        return False
    return wanted.specifier.contains(found.version, prereleases=True)


def missing_module(error: str | None) -> str | None:
    """The module that a failed import did not find ("schedulefree"), or None when it failed for another reason."""
    match = re.search(r"No module named '([\w.]+)'", error or "")
    return match.group(1).partition(".")[0] if match else None


def everything_missing(specs: Sequence[OptimizerSpec], report: ProbeReport | None) -> tuple[str, ...]:
    """The pip requirements that would make every optimizer usable, each package once, with its highest minimum."""
    return _highest(line for spec in specs for line in optimizer_state(spec, report).to_install)


def everything_needed(specs: Sequence[OptimizerSpec]) -> tuple[str, ...]:
    """The pip requirements of these optimizers for an environment that has nothing yet; torch is not among them."""
    return _highest(line for spec in specs for item in spec.requirements if (line := _pip_line(item)) is not None)


def _pip_line(requirement: Requirement) -> str | None:
    if canonicalize_name(requirement.package) == "torch":
        return None  # which build is another question
    return requirement.package + (f">={requirement.minimum}" if requirement.minimum else "")


def _highest(lines: Iterable[str]) -> tuple[str, ...]:
    best: dict[str, PipRequirement] = {}
    for line in lines:
        requirement = PipRequirement(line)
        name = str(canonicalize_name(requirement.name))
        if name not in best or _floor(requirement) > _floor(best[name]):
            best[name] = requirement
    return tuple(str(item) for item in best.values())


def _floor(requirement: PipRequirement) -> Version:
    return max((Version(item.version) for item in requirement.specifier), default=Version("0"))
