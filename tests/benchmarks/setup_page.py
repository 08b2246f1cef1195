"""How long the page "Set up" takes to open, to fill, and to answer a keystroke: `python -m tests.benchmarks.setup_page`."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("CADDIE_HOME", tempfile.mkdtemp(prefix="caddie-bench-"))

from PySide6.QtTest import QTest

from core.job.new import new_job
from core.options.main_form import load_main_form
from gui.app import build_services, make_application, shut_down
from gui.pages.setup import SetupPage


def main() -> None:
    """Prints milliseconds."""
    application = make_application()
    services = build_services(application)
    services.session.new(new_job(services.catalogue.get("Prodigy"), services.catalogue))
    load_main_form()
    print(f"options of the script: {len(services.session.options.options)}")
    start = time.perf_counter()
    page = SetupPage(services)
    print(f"build: {_since(start):.0f} ms")
    page.resize(1200, 760)
    page.show()
    application.processEvents()
    print(f"build and first paint: {_since(start):.0f} ms")
    slices: list[float] = []
    while not all(section.group.is_built for section in page.sections):
        before = time.perf_counter()
        application.processEvents()
        slices.append(_since(before))
    print(f"all sections: {_since(start):.0f} ms, longest piece {max(slices):.0f} ms")
    page.go_to("option:output_name")
    line = page.focusWidget()
    assert line is not None
    strokes: list[float] = []
    for _ in range(50):
        before = time.perf_counter()
        QTest.keyClick(line, "a")
        strokes.append(_since(before))
    print(f"one keystroke with all fields bound: {statistics.median(strokes):.1f} ms, worst {max(strokes):.1f} ms")
    before = time.perf_counter()
    page.frame.dock.renew()
    print(f"the command: {_since(before):.1f} ms")
    before = time.perf_counter()
    page.jump_to(len(page.sections) + 1)
    application.processEvents()
    print(f"the list of all options: {_since(before):.0f} ms")
    page.close()
    page.deleteLater()
    shut_down(services)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
