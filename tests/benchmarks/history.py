"""How long the history takes: the index, the window's start beside many runs, the page, curves over each other.

    python tests/benchmarks/history.py [--runs 1000] [--home FOLDER] [--long 100000]

Makes the runs in a folder of its own (kept and used again with --home). Without a display it uses the offscreen platform. Each
number of the window comes from a process of its own; medians of five. "Work" is processor time of all threads, which tells more on a
machine that does other things meanwhile.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIMIZERS = ("Prodigy", "AdamW", "Lion", "CAME", "prodigyplus.ProdigyPlusScheduleFree", "AdaFactor", "DAdaptAdam")

INDEX = """
import time
from core.history.index import list_history
begin, work = time.perf_counter(), time.process_time()
listing = list_history(); passed, work = time.perf_counter() - begin, time.process_time() - work
print(f"{passed * 1000:.0f} {work * 1000:.0f} {len(listing.records)} {listing.read}")
"""

START = """
import time; begin = time.perf_counter()
import sys
import gui.app as app
application = app.make_application()
services = app.build_services(application)
window = app.MainWindow(services)
window.first_painted.connect(application.quit)
window.show(); application.exec()
passed = time.perf_counter() - begin
print(f"{passed * 1000:.0f} {time.process_time() * 1000:.0f} {sum(name.startswith('core.history') for name in sys.modules)}")
sys.stdout.flush()
import os; os._exit(0)
"""

PAGE = """
import sys, time
import gui.app as app
from PySide6.QtTest import QTest
application = app.make_application()
services = app.build_services(application)
window = app.MainWindow(services); window.resize(1280, 800); window.show()
QTest.qWait(300)
longest = 0.0
def pump(done):
    global longest
    while not done():
        before = time.perf_counter(); application.processEvents(); longest = max(longest, time.perf_counter() - before)
        time.sleep(0.002)
    application.processEvents()
begin, work = time.perf_counter(), time.process_time()
window.navigate("history"); page = window.page
pump(lambda: page.table.rowCount() > 0)
page.view.repaint()
shown, work = time.perf_counter() - begin, time.process_time() - work
begin = time.perf_counter(); page.view.sortByColumn(4, page.view.horizontalHeader().sortIndicatorOrder()); application.processEvents()
sort = time.perf_counter() - begin
begin = time.perf_counter(); page.filters.search.setText("optimizer:prodigy loss<0.2"); page.filters._tell(); application.processEvents()
search = time.perf_counter() - begin
page.filters.clear()
long = sorted(page.table.shown, key=lambda record: -record.steps)[:10]
page.view.select([record.folder for record in long])
pump(lambda: page.tabs.curves is not None)
begin = time.perf_counter(); longest = 0.0
pump(lambda: len(page.tabs.curves.plot.plot.curves) == len(long) and not page.tabs.curves.curves.waiting)
overlay = time.perf_counter() - begin
print(" ".join(f"{value * 1000:.0f}" for value in (shown, work, sort, search, overlay, longest)), long[0].steps)
sys.stdout.flush()
import os; os._exit(0)
"""


def make(home: Path, count: int, long: int) -> None:
    """Makes runs of 60 to 1,000 steps, and ten of `long` steps."""
    sys.path.insert(0, str(ROOT))
    from core.runs.outcome import Ending
    from tests.helpers.histories import NOON, make_run

    dice = random.Random(1)
    endings = [Ending.FINISHED] * 6 + [Ending.STOPPED, Ending.FAILED, Ending.LOST]
    for number in range(count):
        steps = long if number < 10 else dice.choice((60, 300, 1000))
        losses = [0.12 + 0.2 * 2.718 ** (-step / 60) + dice.gauss(0, 0.02) for step in range(steps)]
        make_run(
            home / "runs",
            optimizer=dice.choice(OPTIMIZERS),
            rate=dice.choice((1.0, 1e-4)),
            seed=dice.randint(1, 5),
            losses=losses,
            validation=[(steps, 0.13)],
            at=NOON + number * 3600,
            ending=dice.choice(endings),
            name=f"run {number}",
            d_lr=1e-4 * dice.random(),
        )


def measured(code: str, home: Path) -> list[str]:
    """What a process prints."""
    environment = {**os.environ, "CADDIE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return run.stdout.split()


def median(code: str, home: Path, times: int = 5) -> list[float]:
    """Medians of the numbers that several processes print."""
    rows = [[float(word) for word in measured(code, home)] for _ in range(times)]
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--long", type=int, default=100_000, help="steps of the ten longest runs")
    parser.add_argument("--home", type=Path, help="where the runs are made and kept")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        home = wanted.home or Path(temporary) / "home"
        if not (home / "runs").exists():
            make(home, wanted.runs, wanted.long)
        (home / "history.sqlite").unlink(missing_ok=True)
        print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; milliseconds")
        first = measured(INDEX, home)
        print(f"index, first look     {first[0]} (work {first[1]}); {first[2]} runs, {first[3]} read")
        later = median(INDEX, home)
        print(f"index, later look     {later[0]:.0f} (work {later[1]:.0f})")
        empty, full = median(START, Path(temporary) / "empty"), median(START, home)
        print(f"start to first paint  {full[0]:.0f} (work {full[1]:.0f}); without runs {empty[0]:.0f} (work {empty[1]:.0f})")
        print(f"                      modules of core.history loaded until then: {full[2]:.0f}")
        shown, work, sort, search, overlay, longest, steps = median(PAGE, home, 3)
        print(f"page until its table  {shown:.0f} (work {work:.0f})")
        print(f"sort {sort:.0f}, search {search:.0f}")
        print(f"ten runs of {steps:.0f} steps over each other  {overlay:.0f}, longest pause of the window {longest:.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
