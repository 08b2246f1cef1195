"""Readiness: every package state, the worst of several, and what pip is asked for."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from core.catalogue.spec import FastImplementation
from core.environment.check import (
    everything_missing,
    is_older,
    missing_module,
    optimizer_state,
    requirement_state,
    satisfied,
    torch_state,
)
from core.environment.findings import Weight, findings
from core.environment.model import CheckoutReport, PackageReport, Readiness
from core.text import Text
from tests.helpers.environments import make_environment_of, need, package, report_of
from tests.helpers.specs import make_spec

NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@pytest.mark.parametrize(
    ("found", "minimum", "readiness", "to_install"),
    [
        (package("prodigyopt", "1.1.2", True), None, Readiness.READY, None),
        (package("prodigyopt", "1.1.2", True), "1.1", Readiness.READY, None),
        (package("prodigyopt", "1.1.2.post1", True), "1.1.2", Readiness.READY, None),
        (package("prodigyopt", "1.10", True), "1.9", Readiness.READY, None),
        (package("prodigyopt", "1.1rc1", True), "1.1", Readiness.TOO_OLD, "prodigyopt>=1.1"),
        (package("prodigyopt", "1.0", True), "1.1", Readiness.TOO_OLD, "prodigyopt>=1.1"),
        (package("prodigyopt", None, None), None, Readiness.MISSING, "prodigyopt"),
        (package("prodigyopt", None, None), "1.1", Readiness.MISSING, "prodigyopt>=1.1"),
        (package("prodigyopt", "1.1", False, "ImportError: x"), None, Readiness.BROKEN, "prodigyopt"),
        (package("prodigyopt", "1.0", False, "ImportError: x"), "1.1", Readiness.BROKEN, "prodigyopt>=1.1"),
        (package("prodigyopt", None, True), None, Readiness.READY, None),
        (package("prodigyopt", None, True), "1.1", Readiness.UNKNOWN, None),
        (package("prodigyopt", "own build", True), "1.1", Readiness.UNKNOWN, None),
        (package("prodigyopt", "1.1", None, "not tried"), None, Readiness.UNKNOWN, None),
    ],
)
def test_one_package(found: PackageReport, minimum: str | None, readiness: Readiness, to_install: str | None) -> None:
    state = requirement_state(need("prodigyopt", minimum=minimum), report_of(found))
    assert (state.readiness, state.to_install) == (readiness, to_install)
    assert (state.reason is None) == (readiness is Readiness.READY)
    if state.reason is not None:
        assert "prodigyopt" in state.reason.en
        assert state.reason.en != state.reason.ja


def test_a_package_the_probe_did_not_look_for_is_unknown() -> None:
    assert requirement_state(need("prodigyopt"), report_of()).readiness is Readiness.UNKNOWN


def test_names_are_compared_as_pip_does() -> None:
    report = report_of(package("pytorch-optimizer", "3.9.0", True))
    assert requirement_state(need("pytorch_optimizer"), report).readiness is Readiness.READY
    assert satisfied("PyTorch_Optimizer>=3", report)


STATES = {
    Readiness.MISSING: (None, None),
    Readiness.BROKEN: ("2.0", False),
    Readiness.TOO_OLD: ("0.1", True),
    Readiness.UNKNOWN: ("2.0", None),
    Readiness.READY: ("2.0", True),
}


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(STATES, 2)))
def test_the_worst_package_wins_and_is_named_whatever_the_order(worse: Readiness, better: Readiness) -> None:
    report = report_of(package("bad", *STATES[worse]), package("good", *STATES[better]))
    for order in (("bad", "good"), ("good", "bad")):
        spec = make_spec(requirements=tuple(need(name, minimum="1.0") for name in order))
        state = optimizer_state(spec, report)
        assert state.readiness is worse
        assert state.reason is not None
        assert "bad" in state.reason.en


def test_all_that_is_missing_is_installed_together() -> None:
    spec = make_spec(requirements=(need("prodigy-plus-schedule-free", "prodigyplus"), need("schedulefree", minimum="1.4")))
    report = report_of(package("prodigy-plus-schedule-free", None, None), package("schedulefree", None, None))
    assert optimizer_state(spec, report).to_install == ("prodigy-plus-schedule-free", "schedulefree>=1.4")
    half = report_of(package("prodigy-plus-schedule-free", "1.9.2", True), package("schedulefree", None, None))
    state = optimizer_state(spec, half)
    assert (state.readiness, state.to_install) == (Readiness.MISSING, ("schedulefree>=1.4",))


def test_nothing_is_known_before_a_probe_or_after_one_that_failed() -> None:
    assert optimizer_state(make_spec(), None).readiness is Readiness.UNKNOWN
    failed = report_of(problem=Text("No Python.", "Python ではありません。"))
    state = optimizer_state(make_spec(), failed)
    assert (state.readiness, state.reason) == (Readiness.UNKNOWN, failed.problem)


def test_without_torch_no_optimizer_is_ready_and_pip_is_not_offered_for_it() -> None:
    spec = make_spec(requirements=(need("prodigyopt"),))
    missing = report_of(package("torch", None, None), package("prodigyopt", "1.0", None, "not tried"))
    state = optimizer_state(spec, missing)
    assert (state.readiness, state.to_install) == (Readiness.MISSING, ())
    assert state.reason is not None
    assert "PyTorch" in state.reason.en
    broken = report_of(package("torch", "2.4.1", False, "OSError: DLL load failed"))
    assert torch_state(broken).readiness is Readiness.BROKEN
    assert optimizer_state(make_spec(), broken).readiness is Readiness.BROKEN


def test_an_optimizer_that_needs_cuda() -> None:
    spec = make_spec(needs_cuda=True)
    assert optimizer_state(spec, report_of()).readiness is Readiness.READY
    no_gpu = optimizer_state(spec, report_of(cuda_available=False))
    assert no_gpu.readiness is Readiness.NEEDS_CUDA
    cpu = optimizer_state(spec, report_of(cuda_available=False, cuda_version=None, torch_version="2.4.1+cpu"))
    assert cpu.reason is not None
    assert "without CUDA" in cpu.reason.en
    assert cpu.to_install == ()


@given(NUMBERS, NUMBERS)
def test_versions_are_compared_as_pep_440_says(version: str, minimum: str) -> None:
    assert is_older(version, minimum) == (Version(version) < Version(minimum))


def test_everything_missing_names_each_package_once_with_its_highest_minimum() -> None:
    specs = [
        make_spec("A", requirements=(need("bitsandbytes", minimum="0.38.0"),)),
        make_spec("B", requirements=(need("bitsandbytes", minimum="0.44"), need("prodigyopt"))),
        make_spec("C", requirements=(need("bitsandbytes"),)),
    ]
    report = report_of(package("bitsandbytes", None, None), package("prodigyopt", None, None))
    assert everything_missing(specs, report) == ("bitsandbytes>=0.44", "prodigyopt")
    assert everything_missing(specs, None) == ()


@pytest.mark.parametrize(
    ("error", "module"),
    [
        ("ModuleNotFoundError: No module named 'schedulefree'", "schedulefree"),
        ("ModuleNotFoundError: No module named 'triton.ops'", "triton"),
        ("ImportError: DLL load failed", None),
        (None, None),
    ],
)
def test_the_module_an_import_missed(error: str | None, module: str | None) -> None:
    assert missing_module(error) == module


def test_findings_name_what_blocks_first() -> None:
    environment = make_environment_of(Path("/x"))
    good = report_of(package("accelerate", "1.6.0", True))
    with_checkout = replace(environment, sd_scripts=environment.python)
    assert findings(with_checkout, good) == ()
    bad = report_of(package("accelerate", None, None), cuda_available=False, python_version="3.8.1", bits=32)
    found = findings(environment, bad)
    assert [item.weight for item in found] == sorted((item.weight for item in found), key=list(Weight).index)
    words = " ".join(item.text.en for item in found)
    for part in ("32-bit", "accelerate", "sd-scripts folder", "sees no GPU", "older than"):
        assert part in words
    gone = CheckoutReport(path=environment.python, problem=Text("Gone.", "ありません。"))
    assert findings(with_checkout, replace(good, checkout=gone))[0].text == gone.problem


FAST = make_spec(
    "Prodigy",
    requirements=(need("prodigyopt"),),
    fast=FastImplementation(optimizer_type="optimizers.Prodigy", equals="prodigyopt 1.1.2"),
)


def test_the_fast_implementation_needs_torch_and_not_the_package_it_stands_for() -> None:
    there = report_of(package("torch", "2.4.1", True), package("prodigyopt", None, None))
    assert optimizer_state(FAST, there).to_install == ("prodigyopt",)
    state = optimizer_state(FAST, there, fast=True)
    assert (state.readiness, state.reason, state.to_install) == (Readiness.READY, None, ())


@pytest.mark.parametrize(
    ("torch", "python", "readiness", "said"),
    [
        (package("torch", "2.1.0+cu118", True), "3.10.11", Readiness.READY, None),
        (package("torch", "2.0.1+cu118", True), "3.10.11", Readiness.TOO_OLD, "torch 2.0.1+cu118 is too old; 2.1"),
        (package("torch", "2.4.1", True), "3.9.13", Readiness.TOO_OLD, "needs Python 3.10 or newer; this is 3.9.13"),
        (package("torch", None, None), "3.10.11", Readiness.MISSING, "PyTorch is not installed here"),
        (package("torch", "2.4.1", False, "OSError: x"), "3.10.11", Readiness.BROKEN, "OSError: x"),
    ],
)
def test_the_fast_implementation_needs_a_torch_and_a_python_of_its_own_age(
    torch: PackageReport, python: str, readiness: Readiness, said: str | None
) -> None:
    state = optimizer_state(FAST, replace(report_of(torch), python_version=python), fast=True)
    assert state.readiness is readiness
    assert state.to_install == ()  # torch is never left to a plain pip
    assert (state.reason is None) == (said is None)
    if state.reason is not None and said is not None:
        assert said in state.reason.en


def test_the_fast_implementation_has_requirements_of_its_own() -> None:
    assert FAST.fast is not None
    spec = replace(FAST, fast=replace(FAST.fast, requirements=(need("schedulefree"),)))
    state = optimizer_state(spec, report_of(package("torch", "2.4.1", True), package("schedulefree", None, None)), fast=True)
    assert state.to_install == ("schedulefree",)
