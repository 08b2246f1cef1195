"""An environment (one Python interpreter, with an optional sd-scripts checkout) and what the probe saw in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from core.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the user added.

    Attributes:
        id: short, stable, made when it is added.
        name: what the user calls it.
        python: the interpreter.
        sd_scripts: the checkout's folder, or None.
        layout: how it was found: `sd-scripts`, `kohya_ss`, `LoRA_Easy_Training_Scripts`, `Stability Matrix`, `by hand`.
    """

    id: str
    name: str
    python: Path
    sd_scripts: Path | None = None
    layout: str = "by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReport:
    """One package as it is in an environment.

    Attributes:
        package, module: distribution and import name.
        version: from the installed metadata, None when there is none.
        imports: whether `import module` worked; None when it was not tried (not installed).
        error: the last line of the failed import.
        origin: the file the module came from (two versions, a shadowing folder), or None.
    """

    package: str
    module: str
    version: str | None = None
    imports: bool | None = None
    error: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReport:
    """One GPU as torch sees it in the environment. Memory in bytes."""

    name: str
    memory: int
    capability: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutReport:
    """The sd-scripts checkout.

    Attributes:
        commit: full hash, None without git.
        branch: branch name, None when detached or without git.
        version: nearest tag or declared version, None where unknown.
        scripts: file names of the training scripts in it.
        requirements: what its requirements.txt asks for, as PEP 508 strings ("prodigyopt==1.1.2").
        problem: why it is not a usable checkout, or None.
        own_optimizers: a module of it that Python would take for Caddie's package `optimizers`, or None.
    """

    path: Path
    commit: str | None = None
    branch: str | None = None
    version: str | None = None
    scripts: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    problem: Text | None = None
    own_optimizers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What the probe saw. `problem` is None when the interpreter answered.

    Attributes:
        taken_at: seconds since the epoch.
        python_version: for example "3.11.7"; "" when the interpreter did not answer.
        platform: `sys.platform` there.
        torch_version, cuda_version: None where torch is missing or broken / built without CUDA.
        cuda_available: torch.cuda.is_available().
        gpus: as torch sees them.
        packages: by distribution name, normalised (lower case, dashes).
        checkout: None where the environment has none.
        bits: 64, or 32 for a 32-bit Python (for which there is no torch).
        gpu_problem: what torch said when it was asked for GPUs and failed, or None.
        problem: no Python, hangs, crashed, …
    """

    taken_at: float
    python_version: str = ""
    platform: str = ""
    torch_version: str | None = None
    cuda_version: str | None = None
    cuda_available: bool = False
    gpus: tuple[GpuReport, ...] = ()
    packages: Mapping[str, PackageReport] = field(default_factory=dict[str, PackageReport])
    checkout: CheckoutReport | None = None
    bits: int = 64
    gpu_problem: str | None = None
    problem: Text | None = None


class Readiness(str, Enum):
    """Whether one optimizer can be used in an environment."""

    READY = "ready"
    MISSING = "missing"
    TOO_OLD = "too-old"
    BROKEN = "broken"
    NEEDS_CUDA = "needs-cuda"
    UNKNOWN = "unknown"  # not probed yet, or the interpreter did not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerState:
    """The install state of one optimizer.

    Attributes:
        readiness: the worst of its packages.
        reason: one sentence that says which package and why; None when ready.
        to_install: pip requirement strings that would mend it ("prodigyopt", "bitsandbytes>=0.39.1").
    """

    readiness: Readiness
    reason: Text | None = None
    to_install: tuple[str, ...] = ()
