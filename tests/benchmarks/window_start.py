"""How long `python main.py` takes to put the window on the screen, split by phase.

    python tests/benchmarks/window_start.py [--runs 7]

Needs Linux with Xvfb, or a display. The whole is measured from outside (from the start of the interpreter to a visible
window, seen by xdotool where it is there, else by the first paint); the phases in a process that does the same steps by
hand; a bare QApplication with an empty widget in the same run says what no Qt program can go below.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BARE = """
import time; begin = time.perf_counter()
from PySide6.QtWidgets import QApplication, QWidget
class Window(QWidget):
    def paintEvent(self, event):
        super().paintEvent(event); application.exit()
application = QApplication([]); window = Window(); window.resize(1200, 800); window.show(); application.exec()
"""

# The steps of main.py and gui.app.run, with a clock between them.
PHASES = """
import sys, time
clock = [("start", time.perf_counter())]
def mark(name): clock.append((name, time.perf_counter()))
sys.path.insert(0, {root!r})
from core.bootstrap import hand_over, stamp
from core.bootstrap.display import has_display
has_display(); stamp.is_ready({root!r}, ["app"], window=True); mark("check of the environment")
import PySide6.QtWidgets; mark("import of Qt")
import gui.app as app; mark("import of gui")
application = app.make_application(); mark("QApplication")
catalogue = app._catalogue(); mark("catalogue")
services = app.build_services(application, catalogue=catalogue); mark("services")
window = app.MainWindow(services, make_job=lambda: app.starting_job(catalogue)); mark("window and Pick page")
window.first_painted.connect(application.quit)
window.show(); application.exec(); mark("show and first paint")
heavy = sorted(name for name in ("torch", "pyqtgraph", "numpy", "matplotlib", "tensorboard") if name in sys.modules)
for (_, before), (name, after) in zip(clock, clock[1:]): print(f"{{name}}\\t{{(after - before) * 1000:.1f}}")
print("heavy imports\\t" + (" ".join(heavy) or "none"))
sys.stdout.flush()
import os; os._exit(0)
"""


def wall(command: list[str], variables: dict[str, str]) -> float:
    """Seconds until the command has ended."""
    begin = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def until_visible(command: list[str], variables: dict[str, str]) -> float:
    """Seconds until a window named Caddie is on the screen; the process is ended then."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begin < 60:
            found = subprocess.run(
                ["xdotool", "search", "--onlyvisible", "--pid", str(process.pid)], env=variables, capture_output=True, check=False
            )
            if found.stdout.strip():
                return time.perf_counter() - begin
            if process.poll() is not None:
                raise SystemExit(f"{command} ended with {process.returncode} before it had a window")
        raise SystemExit("no window after a minute")
    finally:
        process.kill()
        process.wait()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args(arguments).runs
    if shutil.which("xdotool") is None:
        raise SystemExit("install xdotool: it sees when the window is on the screen")
    base = getattr(sys, "_base_executable", sys.executable)
    venv = str(ROOT / ".venv" / "bin" / "python")
    with tempfile.TemporaryDirectory() as home:
        variables = {**os.environ, "CADDIE_HOME": home, "PYTHONPYCACHEPREFIX": str(Path(home) / "pycache")}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        server = None
        if not variables.get("DISPLAY"):
            server = subprocess.Popen(["Xvfb", ":94", "-screen", "0", "1920x1080x24", "-noreset"], stderr=subprocess.DEVNULL)
            variables["DISPLAY"] = ":94"
            time.sleep(1)
        phases = [venv, "-c", PHASES.format(root=str(ROOT))]
        try:
            wall(phases, variables)  # compiles and warms the file cache
            until_visible([base, str(ROOT / "main.py")], variables)
            bare, whole, split = [], [], {}
            for _ in range(runs):
                bare.append(wall([venv, "-c", BARE], variables))
                whole.append(until_visible([base, str(ROOT / "main.py")], variables))
                lines = subprocess.run(phases, env=variables, capture_output=True, text=True, check=True).stdout.splitlines()
                for name, value in (line.split("\t") for line in lines):
                    split.setdefault(name, []).append(value)
        finally:
            if server is not None:
                server.kill()
    report(bare, whole, split)


def report(bare: list[float], whole: list[float], split: dict[str, list[str]]) -> None:
    """Prints medians, the best run, and the ratio to a bare Qt window."""
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {len(whole)} runs, median (least)")
    print(f"python main.py until visible   {statistics.median(whole):.2f} s ({min(whole):.2f})")
    print(f"bare QApplication, whole       {statistics.median(bare):.2f} s ({min(bare):.2f})")
    print(
        f"ratio                          {statistics.median(whole) / statistics.median(bare):.1f} ({min(whole) / min(bare):.1f})"
    )
    for name, values in split.items():
        if name == "heavy imports":
            print(f"  {name}: {values[-1]}")
        else:
            numbers = [float(value) for value in values]
            print(f"  {name:<28}{statistics.median(numbers):7.0f} ms ({min(numbers):.0f})")


if __name__ == "__main__":
    main(sys.argv[1:])
