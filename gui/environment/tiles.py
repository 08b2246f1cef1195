"""The facts of an environment at a glance: Python, PyTorch, GPU, sd-scripts."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from core.environment.model import Environment, ProbeReport
from gui.environment.words import commit_words, memory_words
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Card, IconLabel, Label, Translated, row

_FOUR_IN_A_ROW = 760
"""Width in logical pixels below which the tiles stand two by two."""


class ElidedLabel(Label):
    """A label of one line that shortens its text in the middle and shows all of it as a tool tip."""

    def __init__(self, classes: str = "", elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__("", classes)
        self._elide = elide
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def say(self, text: str, tip: str = "") -> None:
        """Shows a text."""
        self.setText(text)
        self.setToolTip(tip or text)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        shown = self.fontMetrics().elidedText(self.text(), self._elide, self.width())
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)
        painter.end()


class Tile(Card):
    """One fact: an icon with a caption, a value, a detail."""

    def __init__(self, theme: Theme, icon: str) -> None:
        super().__init__(margin=tokens.M)
        self.body.setSpacing(2)
        self._caption = Label("", "caption")
        self.value = ElidedLabel("title", Qt.TextElideMode.ElideRight)
        self.detail = ElidedLabel("caption", Qt.TextElideMode.ElideRight)
        self.body.addLayout(row(IconLabel(theme, icon, size=16), self._caption, 1, spacing=6))
        self.body.addSpacing(2)
        self.body.addWidget(self.value)
        self.body.addWidget(self.detail)

    def say(self, caption: str, value: str, detail: str, tip: str = "") -> None:
        """Sets all texts."""
        self._caption.setText(caption)
        self.value.say(value)
        self.detail.say(detail or " ", tip or detail)
        self.setAccessibleName(f"{caption}: {value} {detail}")


class Tiles(Translated, QWidget):
    """Four tiles, in one row or two."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._environment: Environment | None = None
        self._report: ProbeReport | None = None
        self.python = Tile(theme, "terminal")
        self.torch = Tile(theme, "memory")
        self.gpu = Tile(theme, "gpu")
        self.checkout = Tile(theme, "folder")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(tokens.M)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._columns = 0
        self._arrange(4)

    def show_report(self, environment: Environment, report: ProbeReport) -> None:
        """Shows what a probe saw."""
        self._environment, self._report = environment, report
        self.retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange(4 if event.size().width() >= _FOUR_IN_A_ROW else 2)
        super().resizeEvent(event)

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        environment, report = self._environment, self._report
        if environment is None or report is None:
            return
        system = {"win32": "Windows", "linux": "Linux", "darwin": "macOS"}.get(report.platform, report.platform)
        detail = self.tr("{bits}-bit · {system}").format(bits=report.bits, system=system)
        self.python.say(self.tr("Python"), report.python_version, detail, str(environment.python))
        self._say_torch(report)
        self._say_gpu(report)
        self._say_checkout(report)

    def _say_torch(self, report: ProbeReport) -> None:
        if report.torch_version is None:
            broken = report.packages.get("torch")
            failed = broken is not None and broken.imports is False
            detail = (broken.error or "") if failed and broken is not None else ""
            self.torch.say(self.tr("PyTorch"), self.tr("Broken") if failed else self.tr("Not installed"), detail)
            return
        detail = self.tr("CUDA {version}").format(version=report.cuda_version) if report.cuda_version else self.tr("without CUDA")
        self.torch.say(self.tr("PyTorch"), report.torch_version, detail)

    def _say_gpu(self, report: ProbeReport) -> None:
        if not report.gpus:
            detail = report.gpu_problem or (self.tr("Training runs on the CPU") if report.torch_version else "")
            self.gpu.say(self.tr("GPU"), self.tr("None seen"), detail)
            return
        first = report.gpus[0]
        detail = self.tr("{memory} · compute {capability}").format(memory=memory_words(first.memory), capability=first.capability)
        if len(report.gpus) > 1:
            detail += " · " + self.tr("{count} GPUs").format(count=len(report.gpus))
        lines = "\n".join(f"{gpu.name}, {memory_words(gpu.memory)}" for gpu in report.gpus)
        self.gpu.say(self.tr("GPU"), first.name.removeprefix("NVIDIA ").removeprefix("GeForce "), detail, lines)

    def _say_checkout(self, report: ProbeReport) -> None:
        checkout = report.checkout
        if checkout is None:
            self.checkout.say(self.tr("sd-scripts"), self.tr("None"), self.tr("Choose its folder to train"))
            return
        if checkout.problem is not None:
            self.checkout.say(self.tr("sd-scripts"), self.tr("Not usable"), str(checkout.path))
            return
        version = checkout.version or self.tr("Unknown version")
        scripts = self.tr("{count} scripts").format(count=len(checkout.scripts))
        detail = " · ".join(part for part in (commit_words(checkout), scripts) if part)
        tip = "\n".join([str(checkout.path), checkout.commit or "", ", ".join(checkout.scripts)])
        self.checkout.say(self.tr("sd-scripts"), version, detail, tip)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for number, tile in enumerate((self.python, self.torch, self.gpu, self.checkout)):
            self._grid.addWidget(tile, number // columns, number % columns)
        for column in range(4):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
