"""The theme in force: light or dark, following the system or forced."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from gui.bridge.settings import Settings
from gui.theme import tokens
from gui.theme.icons import icon
from gui.theme.stylesheet import stylesheet
from gui.theme.tokens import DARK, LIGHT, Colors


class Theme(QObject):
    """Puts palette, font and stylesheet on the application.

    Signals:
        changed: the colours are others; what is drawn by hand repaints with `colors`.
    """

    changed = Signal()

    def __init__(self, application: QApplication, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._settings = settings
        self._icons: dict[tuple[str, str, str | None], QIcon] = {}
        self._colors: Colors | None = None
        settings.changed.connect(self._on_setting)
        application.styleHints().colorSchemeChanged.connect(self._apply)
        application.setStyle("Fusion")  # the one style that draws the same everywhere and obeys the palette
        application.setFont(body_font())
        self._force()
        self._apply()

    @property
    def colors(self) -> Colors:
        """The colours in force."""
        assert self._colors is not None
        return self._colors

    @property
    def is_dark(self) -> bool:
        """Whether the dark colours are in force."""
        return self._colors is DARK

    def icon(self, name: str, role: str = "text", *, checked: str | None = None) -> QIcon:
        """An icon in the colour of a token (`text`, `accent`, `on_accent`, …). Ask again after `changed`."""
        colors = self.colors.as_mapping()
        key = (name, colors[role], colors[checked] if checked else None)
        if key not in self._icons:
            self._icons[key] = icon(name, key[1], checked=key[2], disabled=self.colors.text_disabled)
        return self._icons[key]

    def _on_setting(self, key: str) -> None:
        if key == "theme":
            self._force()
            self._apply()

    def _force(self) -> None:
        # Qt then also darkens the title bar and native dialogs where the system can.
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self._application.styleHints().setColorScheme(schemes.get(self._settings.theme, Qt.ColorScheme.Unknown))

    def _apply(self) -> None:
        forced = self._settings.theme
        scheme = self._application.styleHints().colorScheme()
        dark = forced == "dark" or (forced == "system" and scheme == Qt.ColorScheme.Dark)
        colors = DARK if dark else LIGHT
        if colors is self._colors:
            return
        self._colors = colors
        self._icons.clear()
        self._application.setPalette(palette(colors))
        self._application.setStyleSheet(stylesheet(colors))
        self.changed.emit()


def body_font() -> QFont:
    """The font of the window, with Japanese families before others that hold Chinese shapes."""
    font = QFont(list(tokens.FONT_FAMILIES))
    font.setPointSizeF(tokens.BODY_PT)
    return font


def mono_font(size: float = tokens.BODY_PT) -> QFont:
    """The font of commands, logs and literals."""
    font = QFont(list(tokens.MONO_FAMILIES))
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPointSizeF(size)
    return font


def palette(colors: Colors) -> QPalette:
    """Qt's palette for a theme; what the stylesheet does not reach is drawn with it."""
    role = QPalette.ColorRole
    pairs = {
        role.Window: colors.window,
        role.WindowText: colors.text,
        role.Base: colors.surface,
        role.AlternateBase: colors.raised,
        role.Text: colors.text,
        role.Button: colors.surface,
        role.ButtonText: colors.text,
        role.BrightText: colors.danger_text,
        role.ToolTipBase: colors.raised,
        role.ToolTipText: colors.text,
        role.PlaceholderText: colors.text_muted,
        role.Highlight: colors.selection,
        role.HighlightedText: colors.text,
        role.Accent: colors.accent,
        role.Link: colors.accent_text,
        role.LinkVisited: colors.accent_text,
        role.Light: colors.surface,
        role.Midlight: colors.hover,
        role.Mid: colors.border,
        role.Dark: colors.control_border,
        role.Shadow: colors.border,
    }
    result = QPalette()
    for name, color in pairs.items():
        result.setColor(name, QColor(color))
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, QColor(colors.text_disabled))
    return result
