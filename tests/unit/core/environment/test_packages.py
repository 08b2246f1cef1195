"""The table of packages: who wants what, and what is there."""

from __future__ import annotations

from pathlib import Path

from core.environment.model import CheckoutReport, PackageReport, Readiness
from core.environment.packages import PackageRow, package_rows
from tests.helpers.environments import need, package, report_of
from tests.helpers.specs import make_spec


def rows_of(*packages: PackageReport, requirements: tuple[str, ...] = ()) -> dict[str, PackageRow]:
    specs = [
        make_spec("A", requirements=(need("bitsandbytes", minimum="0.38.0"),)),
        make_spec("B", requirements=(need("bitsandbytes", minimum="0.44.0"), need("prodigyopt"))),
    ]
    checkout = CheckoutReport(path=Path("/x"), requirements=requirements)
    return {row.package: row for row in package_rows(specs, report_of(*packages, checkout=checkout))}


def test_the_strictest_optimizer_counts_and_all_are_named() -> None:
    row = rows_of(package("bitsandbytes", "0.40.0", True))["bitsandbytes"]
    assert (row.wanted, row.found, row.readiness) == (">=0.44.0", "0.40.0", Readiness.TOO_OLD)
    assert row.optimizers == ("A", "B")


def test_the_checkouts_versions_are_shown_where_no_optimizer_asks_for_one() -> None:
    rows = rows_of(
        package("prodigyopt", "1.1.2", True),
        package("rich", "13.0", None),
        requirements=("prodigyopt==1.1.2", "rich==14.1.0", "einops==0.7.0", "-not a requirement-"),
    )
    assert (rows["prodigyopt"].wanted, rows["prodigyopt"].differs, rows["prodigyopt"].readiness) == (
        "==1.1.2",
        False,
        Readiness.READY,
    )
    assert rows["einops"].found is None
    other = PackageReport(package="rich", module="", version="13.0")
    rich = rows_of(other, requirements=("rich==14.1.0",))["rich"]
    assert (rich.differs, rich.readiness) == (True, None)
    assert rich.reason is not None
    assert "14.1.0" in rich.reason.en


def test_torch_stands_first_and_what_nobody_asked_for_and_is_not_there_is_left_out() -> None:
    rows = rows_of()
    assert next(iter(rows)) == "torch"
    assert rows["torch"].readiness is Readiness.READY
    assert "xformers" not in rows
    assert rows["prodigyopt"].found is None


def test_what_was_imported_for_no_optimizer_is_judged_by_its_import() -> None:
    rows = rows_of(package("accelerate", "1.6.0", False, "ImportError: x"))
    assert rows["accelerate"].readiness is Readiness.BROKEN
    assert rows_of(package("accelerate", "1.6.0", True))["accelerate"].readiness is Readiness.READY
