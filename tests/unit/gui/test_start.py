"""What the start of the window must not import, and that the real entry point opens and closes."""

from __future__ import annotations

import json
import subprocess
import sys

from core.paths import PROJECT_ROOT, settings_file

HEAVY = ("torch", "pyqtgraph", "matplotlib", "numpy", "tensorboard", "rich", "transformers")

PROGRAM = """
import json, sys
from PySide6.QtCore import QTimer
from gui import app
from gui.main_window import MainWindow
seen = {}
def painted(self):
    seen["modules"] = sorted(name.partition(".")[0] for name in sys.modules)
    seen["page"] = self.page.page_id
    QTimer.singleShot(0, self.close)
original = MainWindow.__init__
def patched(self, *arguments, **keywords):
    original(self, *arguments, **keywords)
    self.first_painted.connect(lambda: painted(self))
MainWindow.__init__ = patched
code = app.run([])
print(json.dumps({"code": code, **seen}))
"""


def test_the_window_is_painted_without_anything_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 0
    assert told["page"] == "pick"
    assert not set(HEAVY) & set(told["modules"])


BROKEN = """
import json, sys
from PySide6.QtCore import QTimer
from gui import app
from gui.main_window import MainWindow
from gui.widgets.notice_bar import NoticeBar
seen = {}
def look(self):
    bar = self.findChild(NoticeBar)
    seen.update(visible=bar.isVisible(), words=bar._text.text())
    self.close()
original = MainWindow.__init__
def patched(self, *arguments, **keywords):
    original(self, *arguments, **keywords)
    self.first_painted.connect(lambda: QTimer.singleShot(0, lambda: look(self)))
MainWindow.__init__ = patched
app.run([])
print(json.dumps(seen))
"""


def test_the_real_start_tells_that_the_settings_were_damaged() -> None:
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_bytes(b'language = "en\n[[')
    done = subprocess.run(
        [sys.executable, "-c", BROKEN],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["visible"]
    assert "settings.broken-1.toml" in told["words"]
    assert settings_file().with_name("settings.broken-1.toml").read_bytes().startswith(b'language = "en\n')
