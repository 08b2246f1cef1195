"""Every package an environment is asked about, with what is wanted of it: by optimizers and by the checkout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from core.catalogue.spec import OptimizerSpec
from core.environment.check import RequirementState, requirement_state, torch_state
from core.environment.model import PackageReport, ProbeReport, Readiness
from core.text import Text, same

_ALWAYS = ("torch", "torchvision", "xformers", "accelerate", "transformers", "diffusers", "safetensors", "pip")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """One package.

    Attributes:
        package: distribution name.
        wanted: the strictest condition of the optimizers, else the checkout's own ("==1.1.2"); "" where any will do.
        found: the version there, None when there is none.
        readiness: as the optimizers that need it see it; None where no optimizer does.
        differs: the checkout names a version that is not this one (which often works all the same).
        reason: what is the matter, None when nothing is.
        optimizers: names of the optimizers that need it.
        by_checkout: the checkout's requirements.txt names it.
        origin: the file the module came from, None where it was not imported.
    """

    package: str
    wanted: str = ""
    found: str | None = None
    readiness: Readiness | None = None
    differs: bool = False
    reason: Text | None = None
    optimizers: tuple[str, ...] = ()
    by_checkout: bool = False
    origin: str | None = None


def package_rows(specs: Iterable[OptimizerSpec], report: ProbeReport) -> tuple[PackageRow, ...]:
    """All packages: torch first, then what optimizers need, then the rest of the checkout's requirements."""
    needs: dict[str, list[tuple[OptimizerSpec, RequirementState]]] = {}
    for spec in specs:
        for requirement in spec.requirements:
            state = requirement_state(requirement, report)
            needs.setdefault(str(canonicalize_name(requirement.package)), []).append((spec, state))
    pins = _pins(report)
    names = dict.fromkeys(["torch", *needs, *_ALWAYS, *pins])
    rows = [_row(name, needs.get(name, []), pins.get(name), report) for name in names]
    return tuple(row for row in rows if row.found or row.optimizers or row.by_checkout or row.package == "torch")


def _row(
    name: str, needs: list[tuple[OptimizerSpec, RequirementState]], pin: Requirement | None, report: ProbeReport
) -> PackageRow:
    found = report.packages.get(name)
    states = [state for _, state in needs]
    if name == "torch":
        states.append(torch_state(report))
    if not states and found is not None and found.module:
        states.append(_by_import(found))
    strictest = max(states, key=_floor, default=None)
    pinned = str(pin.specifier) if pin is not None else ""
    version = found.version if found else None
    return PackageRow(
        package=name,
        wanted=(strictest.wanted if strictest else "") or pinned,
        found=version,
        readiness=strictest.readiness if strictest else None,
        differs=bool(pin is not None and version and not pin.specifier.contains(version, prereleases=True)),
        reason=strictest.reason if strictest else _pin_note(pin, version),
        optimizers=tuple(dict.fromkeys(spec.name for spec, _ in needs)),
        by_checkout=pin is not None,
        origin=found.origin if found else None,
    )


def _by_import(found: PackageReport) -> RequirementState:
    """The state of a package that no optimizer asks for but the probe imported all the same (accelerate)."""
    readiness = {True: Readiness.READY, False: Readiness.BROKEN, None: Readiness.MISSING if found.version is None else None}
    state = readiness[found.imports]
    reason = same(found.error) if found.error else None
    return RequirementState(
        package=found.package, wanted="", found=found.version, readiness=state or Readiness.UNKNOWN, reason=reason
    )


def _floor(state: RequirementState) -> Version:
    try:
        return Version(state.wanted.removeprefix(">=") or "0")
    except InvalidVersion:
        return Version("0")


def _pins(report: ProbeReport) -> dict[str, Requirement]:
    pins: dict[str, Requirement] = {}
    for line in report.checkout.requirements if report.checkout else ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # a line with pip options of its own; the table shows what it can
        pins[str(canonicalize_name(requirement.name))] = requirement
    return pins


def _pin_note(pin: Requirement | None, version: str | None) -> Text | None:
    if pin is None or version is None or pin.specifier.contains(version, prereleases=True):
        return None
    return Text(
        f"This sd-scripts was made with {pin.name}{pin.specifier}; {version} is installed.",
        f"この sd-scripts は {pin.name}{pin.specifier} を前提としていますが、{version} が入っています。",
    )
