"""The first sheet: where, which sd-scripts, which Python, which PyTorch, which packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.catalogue.catalogue import Catalogue
from core.environment.interpreters import on_windows
from core.text import Text
from gui.bridge.installation import Possibilities
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Label, Translated, row

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.plan import Choice
    from core.wizard.recipes import Recipe

_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class ChooseSheet(Translated, QWidget):
    """A form over `Possibilities`.

    Signals:
        changed: what is chosen is another.
        folder_wanted, python_wanted: the buttons that open the system's dialogs.
    """

    changed = Signal()
    folder_wanted = Signal()
    python_wanted = Signal()

    def __init__(self, theme: Theme, say: Callable[[Text], str], catalogue: Catalogue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._say = say
        self._catalogue = catalogue
        self._found: Possibilities | None = None
        self.folder = QLineEdit()
        self.browse = Button(theme, icon="folder")
        self.recipe = QComboBox()
        self._recipe_help = Label("", "caption", wrap=True)
        self.source = QComboBox()
        self.python = QComboBox()
        self.find_python = Button(theme, icon="terminal")
        self.build = QComboBox()
        self._hardware = Label("", "caption", wrap=True)
        self.xformers = QCheckBox()
        self.packages: dict[str, QCheckBox] = {}
        self._package_rows = QVBoxLayout()
        self._package_rows.setContentsMargins(0, 0, 0, 0)
        self._package_rows.setSpacing(0)
        self._names: dict[str, Label] = {}
        self._lay_out()
        self.browse.clicked.connect(self.folder_wanted)
        self.find_python.clicked.connect(self.python_wanted)
        self.folder.textChanged.connect(self.changed)
        self.recipe.currentIndexChanged.connect(self._on_recipe)
        for box in (self.source, self.python, self.build):
            box.currentIndexChanged.connect(self.changed)
        self.xformers.toggled.connect(self.changed)
        self.retranslate()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(tokens.L)
        form.setVerticalSpacing(tokens.S)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        more = QWidget()
        more.setLayout(self._package_rows)
        self._package_rows.addWidget(self.xformers)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("folder", _beside(self.folder, self.browse)),
            ("recipe", _under(self.recipe, self._recipe_help)),
            ("source", self.source),
            ("python", _beside(self.python, self.find_python)),
            ("build", _under(self.build, self._hardware)),
            ("more", more),
        )
        for name, field in rows:
            label = Label()
            label.setMinimumHeight(tokens.CONTROL_HEIGHT)
            label.setAlignment(_MIDDLE)
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            self._names[name] = label
            form.addRow(label, field)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addLayout(form)
        outer.addStretch(1)

    # --- filling -----------------------------------------------------------------------------------------------

    def set_possibilities(self, found: Possibilities, folder: Path) -> None:
        """Fills the form, with what fits chosen."""
        self._found = found
        for recipe in found.recipes:
            self.recipe.addItem("", recipe)
        for python in found.pythons:
            self.add_python(python.path, python.version)
        for build in found.builds:
            if found.hardware.system in build.systems:
                self.build.addItem("", build)
        self.build.setCurrentIndex(max(0, self.build.findData(found.best)))
        self.source.addItem("", "git")
        self.source.addItem("", "zip")
        self.source.setCurrentIndex(0 if found.git else 1)
        self._offer(found.recipes[0])
        self.folder.setText(str(folder / found.recipes[0].folder))
        self.retranslate()

    def _offer(self, recipe: Recipe) -> None:
        """A box for each package that sd-scripts does not bring; those of optimizers of the table are ticked."""
        from core.environment.check import everything_needed

        for line in (*everything_needed(list(self._catalogue)), *recipe.offered):
            name = line.partition(">")[0]
            if name not in recipe.brought and line not in self.packages:
                box = self.packages[line] = QCheckBox()
                box.setChecked(line not in recipe.offered)
                box.toggled.connect(self.changed)
                self._package_rows.addWidget(box)

    def add_python(self, path: Path, version: str) -> None:
        """One more interpreter to choose; it is chosen where it is the first."""
        self.python.addItem(f"Python {version}   {path}", path)

    def choose_python(self, path: Path, version: str) -> None:
        """Adds one and chooses it."""
        self.add_python(path, version)
        self.python.setCurrentIndex(self.python.count() - 1)

    # --- what is chosen ----------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether there is a folder, a Python and a build."""
        return bool(self.folder.text().strip()) and self.python.currentIndex() >= 0 and self.build.currentIndex() >= 0

    def choice(self) -> Choice | None:
        """What is chosen; None while something is missing."""
        from core.wizard.plan import Choice, accelerate_file

        if not self.complete or self._found is None:
            return None
        return Choice(
            recipe=self.recipe.currentData(),
            folder=Path(self.folder.text().strip()).expanduser().absolute(),
            python=self.python.currentData(),
            build=self.build.currentData(),
            source=self.source.currentData(),
            xformers=self.xformers.isChecked() and self.xformers.isEnabled(),
            packages=tuple(line for line, box in self.packages.items() if box.isChecked()),
            accelerate_config=accelerate_file(),
        )

    def _on_recipe(self) -> None:
        recipe, found = self.recipe.currentData(), self._found
        if recipe is None or found is None:
            return
        self.xformers.setChecked(recipe.xformers)
        names = {item.folder for item in found.recipes}
        path = Path(self.folder.text())
        if path.name in names:  # nobody gave it a name of their own
            self.folder.setText(str(path.with_name(recipe.folder)))
        self.retranslate()
        self.changed.emit()

    # --- words -------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        names = {
            "folder": self.tr("New folder"),
            "recipe": self.tr("What"),
            "source": self.tr("How to get it"),
            "python": self.tr("Python"),
            "build": self.tr("PyTorch"),
            "more": self.tr("More packages"),
        }
        widgets = (self.folder, self.recipe, self.source, self.python, self.build, None)
        for (name, words), widget in zip(names.items(), widgets, strict=True):
            self._names[name].setText(words)
            if widget is not None:
                widget.setAccessibleName(words)
        self.browse.setText(self.tr("Choose …"))
        self.find_python.setText(self.tr("Other …"))
        self.xformers.setText(self.tr("xformers too (saves memory on older GPUs)"))
        for line, box in self.packages.items():
            box.setText(self._package_words(line))
        for place in range(self.source.count()):
            self.source.setItemText(place, self._source_words(self.source.itemData(place)))
        for place in range(self.recipe.count()):
            self.recipe.setItemText(place, self._say(self.recipe.itemData(place).name))
        for place in range(self.build.count()):
            build = self.build.itemData(place)
            self.build.setItemText(place, f"{build.torch}, {self._say(build.name)}")
        recipe = self.recipe.currentData()
        self._recipe_help.setText(self._say(recipe.help) if recipe is not None else "")
        self._hardware.setText(self._hardware_words())

    def _package_words(self, line: str) -> str:
        from core.environment.check import everything_needed

        name = line.partition(">")[0]
        users = [spec.name for spec in self._catalogue if any(need.startswith(name) for need in everything_needed([spec]))]
        if not users:
            return name
        listed = ", ".join(users[:3]) + (" …" if len(users) > 3 else "")
        return self.tr("{package}, for {optimizers}").format(package=name, optimizers=listed)

    def _source_words(self, source: str) -> str:
        if source == "zip":
            return self.tr("Download it as a zip, without git")
        if self._found is not None and not self._found.git:
            return self.tr("git (not found on this computer)")
        return self.tr("git, which can update it later")

    def _hardware_words(self) -> str:
        from core.wizard.recipes import why_no_gpu

        found = self._found
        if found is None:
            return ""
        why = why_no_gpu(found.builds, found.hardware)
        if why is not None:
            return self._say(why)
        if found.hardware.gpu == "none":
            return self.tr("No GPU was found.")
        words = found.hardware.name
        if found.hardware.driver is not None:
            words = self.tr("{gpu}, driver {version}").format(gpu=words, version=found.hardware.driver)
        return words


def start_folder() -> Path:
    """Where a new folder is proposed: short on Windows, whose paths must not grow long."""
    drive = Path(Path.home().anchor)
    return drive / "ai" if on_windows() else Path.home() / "ai"


def _beside(field: QWidget, button: QWidget) -> QWidget:
    holder = QWidget()
    layout = row(field, button)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setStretch(0, 1)
    holder.setLayout(layout)
    return holder


def _under(field: QWidget, note: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(tokens.XS)
    layout.addWidget(field)
    layout.addWidget(note)
    return holder
