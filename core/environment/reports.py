"""The last probe of each environment, kept as JSON, so that the next start shows it at once (with its age)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import paths
from core.environment.model import CheckoutReport, GpuReport, PackageReport, ProbeReport
from core.files import write_atomically
from core.text import Text

_VERSION = 1


class ReportCache:
    """One file an environment in a folder. A file that cannot be read counts as not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, environment_id: str) -> ProbeReport | None:
        """The kept report, or None."""
        try:
            return report_from_json(json.loads(self._path(environment_id).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            # Lost is nothing but the time of a probe; a newer Caddie may have written it.
            return None

    def save(self, environment_id: str, report: ProbeReport) -> None:
        """Keeps a report. Raises OSError."""
        write_atomically(self._path(environment_id), json.dumps(report_to_json(report), ensure_ascii=False, indent=1))

    def forget(self, environment_id: str) -> None:
        """Removes a kept report. Raises OSError."""
        self._path(environment_id).unlink(missing_ok=True)

    def _path(self, environment_id: str) -> Path:
        return self._folder / f"{environment_id}.json"


def users_reports() -> ReportCache:
    """The last probe of each of the user's environments; the window and the command line share it."""
    return ReportCache(paths.user_data_dir() / "probes")


def report_to_json(report: ProbeReport) -> dict[str, Any]:
    """A report as plain data; texts as `{"en", "ja"}`, paths as texts."""
    data = asdict(report)
    data["version"] = _VERSION
    if data["checkout"] is not None:
        data["checkout"]["path"] = str(data["checkout"]["path"])
    return data


def report_from_json(data: Mapping[str, Any]) -> ProbeReport:
    """The report back.

    Raises:
        KeyError, TypeError, ValueError: the data is not of this version's shape.
    """
    fields = dict(data)
    if fields.pop("version") != _VERSION:
        raise ValueError("another version's report")
    fields["gpus"] = tuple(GpuReport(**gpu) for gpu in fields["gpus"])
    fields["packages"] = {name: PackageReport(**package) for name, package in fields["packages"].items()}
    fields["problem"] = _text(fields["problem"])
    if fields["checkout"] is not None:
        checkout = dict(fields["checkout"])
        checkout["path"] = Path(checkout["path"])
        checkout["scripts"] = tuple(checkout["scripts"])
        checkout["requirements"] = tuple(checkout["requirements"])
        checkout["problem"] = _text(checkout["problem"])
        fields["checkout"] = CheckoutReport(**checkout)
    return ProbeReport(**fields)


def _text(data: Mapping[str, str] | None) -> Text | None:
    return None if data is None else Text(data["en"], data["ja"])
