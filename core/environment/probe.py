"""Asks an environment, in that environment, what it has. A bad interpreter gives a report with a problem, not an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from core.catalogue.catalogue import Catalogue
from core.environment.checkout import read_checkout_report
from core.environment.conversation import Conversation, Fact, converse
from core.environment.model import CheckoutReport, Environment, GpuReport, PackageReport, ProbeReport
from core.environment.probe_problems import explain, not_a_folder
from core.environment.signature import probe_signature
from core.text import Text

__all__ = ["probe", "probe_signature"]

_MAX_ROUNDS = 12
_TOTAL_FACTOR = 4.0
_ALSO_IMPORTED = (("accelerate", "accelerate"),)
"""Not of one optimizer, but nothing starts without it."""
_ALSO_VERSIONS = ("pip", "torch", "torchvision", "xformers", "transformers", "diffusers", "safetensors", "toml")


def probe(
    environment: Environment,
    *,
    timeout: float = 60,
    catalogue: Catalogue | None = None,
    stop: threading.Event | None = None,
    on_step: Callable[[str], None] | None = None,
) -> ProbeReport:
    """Looks at the interpreter, its torch, GPUs and packages, and at the checkout.

    Every import runs in the child; one that crashes or hangs is reported as broken and the rest is asked again in a
    new child. torch is imported once when all goes well.

    Args:
        environment: what to look at.
        timeout: longest that one import (or the start of the interpreter) may take, in seconds. The whole is bounded
            by four times that; what was not reached is reported as not tried.
        catalogue: whose requirements are looked for; the shipped one when None.
        stop: ends the probe when set; what was not reached is reported as not tried.
        on_step: called (in this thread) with the name of the module that is being tried.

    Returns:
        The report; `problem` is set when the interpreter did not answer.
    """
    if catalogue is None:
        from core.catalogue.loader import load_catalogue  # here: the catalogue is 29 files

        catalogue = load_catalogue()
    taken_at = time.time()
    checkout = read_checkout_report(environment.sd_scripts) if environment.sd_scripts else None
    bad_path = not_a_folder(environment.python)
    if bad_path is not None:
        return ProbeReport(taken_at=taken_at, checkout=checkout, problem=bad_path)
    imports = wanted_imports(catalogue)
    survey = _Survey(environment, imports, _wanted_versions(imports, checkout), timeout)
    problem = survey.run(stop, on_step)
    return replace(survey.report(taken_at), checkout=checkout, problem=problem)


def wanted_imports(catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """(distribution, module) pairs to try, each once, in the order of the catalogue; torch comes first by itself."""
    pairs = [(item.package, item.module) for spec in catalogue for item in spec.requirements]
    pairs = [pair for pair in pairs if pair[1].partition(".")[0] != "torch"]
    return tuple(dict.fromkeys([*pairs, *_ALSO_IMPORTED]))


def _wanted_versions(imports: Iterable[tuple[str, str]], checkout: CheckoutReport | None) -> list[str]:
    names = [package for package, _ in imports] + list(_ALSO_VERSIONS)
    for line in checkout.requirements if checkout else ():
        try:
            names.append(Requirement(line).name)
        except InvalidRequirement:
            continue
    return list(dict.fromkeys(str(canonicalize_name(name)) for name in names))


class _Survey:
    """Rounds of questions until everything was tried or time is up."""

    def __init__(
        self, environment: Environment, imports: Sequence[tuple[str, str]], versions: Sequence[str], timeout: float
    ) -> None:
        self._environment = environment
        self._imports = imports
        self._version_names = versions
        self._timeout = timeout
        self._hello: Fact = {}
        self._torch: Fact = {}
        self._gpu: Fact = {}
        self._versions: dict[str, str | None] = {}
        self._results: dict[str, tuple[bool | None, str | None, str | None]] = {}
        self._done: set[str] = set()

    def run(self, stop: threading.Event | None, on_step: Callable[[str], None] | None) -> Text | None:
        """Asks; returns the problem when the interpreter did not even say hello."""
        ends_at = time.monotonic() + _TOTAL_FACTOR * self._timeout

        def take(fact: Fact) -> None:
            self._take(fact)
            if on_step is not None and fact["kind"] == "begin":
                on_step(str(fact["step"]))

        for _ in range(_MAX_ROUNDS):
            left = ends_at - time.monotonic()
            if left <= 0:
                self._give_up("not tried: out of time")
                break
            talk = converse(
                self._environment.python,
                self._request(),
                timeout=min(self._timeout, left),
                folder=self._environment.sd_scripts,
                stop=stop,
                on_fact=take,
            )
            if not self._hello:
                return explain(self._environment.python, talk, self._timeout)
            if talk.end == "done":
                break
            if talk.end == "stopped" or not self._blame(talk):
                self._give_up("not tried: the probe was stopped" if talk.end == "stopped" else _how_it_ended(talk))
                break
            if self._results.get("torch", (None,))[0] is False:
                break
        self._give_up("not tried" if self._torch else "not tried, since it needs PyTorch")
        return None

    def _request(self) -> Mapping[str, object]:
        return {
            "action": "survey",
            "versions": list(self._version_names),
            "imports": [{"package": package, "module": module} for package, module in self._imports],
            # torch itself is imported again in a new round, to save the time only when it is what failed.
            "done": sorted(self._done - {"torch"} if self._torch else self._done),
        }

    def _take(self, fact: Fact) -> None:
        kind = fact["kind"]
        if kind == "hello":
            self._hello = fact
        elif kind == "versions":
            self._versions.update(fact["versions"])
        elif kind == "torch":
            self._torch = fact
        elif kind == "gpu":
            self._gpu = fact
            self._done.add("gpu")
        elif kind == "absent":
            self._done.add(fact["module"])
        elif kind == "import":
            self._done.add(fact["module"])
            self._results[fact["module"]] = (bool(fact["ok"]), fact["error"], fact["origin"])

    def _blame(self, talk: Conversation) -> bool:
        """Marks the step that was under way as failed; False when there is none, so that asking again is no use."""
        if not talk.step or talk.step in self._done:
            return False
        self._done.add(talk.step)
        error = _how_it_ended(talk)
        if talk.step == "gpu":
            self._gpu = {"available": False, "gpus": [], "error": error}
        else:
            self._results[talk.step] = (False, error, None)
        return True

    def _give_up(self, why: str) -> None:
        for package, module in self._imports:
            present = self._versions.get(str(canonicalize_name(package))) is not None
            if module not in self._done and present:
                self._done.add(module)
                self._results[module] = (None, why, None)

    def report(self, taken_at: float) -> ProbeReport:
        """Everything that was said, as a report."""
        packages = {name: PackageReport(package=name, module="", version=found) for name, found in self._versions.items()}
        for package, module in (("torch", "torch"), *self._imports):
            name = str(canonicalize_name(package))
            ok, error, origin = self._results.get(module, (None, None, None))
            before = packages.get(name)
            if before is not None and before.module and before.imports is False:
                continue  # two entries ask for different modules of one package: the broken one counts
            packages[name] = PackageReport(
                package=name, module=module, version=self._versions.get(name), imports=ok, error=error, origin=origin
            )
        gpus: list[Mapping[str, Any]] = self._gpu.get("gpus", [])
        return ProbeReport(
            taken_at=taken_at,
            python_version=str(self._hello.get("version", "")),
            platform=str(self._hello.get("platform", "")),
            bits=int(self._hello.get("bits", 64)),
            torch_version=self._torch.get("version") or None,
            cuda_version=self._torch.get("cuda") or None,
            cuda_available=bool(self._gpu.get("available", False)),
            gpus=tuple(
                GpuReport(name=str(gpu["name"]), memory=int(gpu["memory"]), capability=str(gpu["capability"])) for gpu in gpus
            ),
            gpu_problem=self._gpu.get("error"),
            packages=packages,
        )


def _how_it_ended(talk: Conversation) -> str:
    if talk.end == "silent":
        return "the import hangs"
    if talk.end == "flooded":
        return "the import prints without end"
    last = talk.errors.splitlines()[-1].strip()[:300] if talk.errors else ""
    code = "" if talk.exit_code is None else f" (exit code {talk.exit_code})"
    return f"the import crashes Python{code}" + (f": {last}" if last else "")
