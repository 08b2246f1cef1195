"""The one stylesheet. Widgets choose a look with the dynamic property `class`.

Classes: `primary`, `quiet`, `danger` on push buttons; `headline`, `title`, `lead`, `muted`, `caption`, `danger`, `mono`
on labels; `card`, `panel`, `rail`, `notice` on frames.
"""

from __future__ import annotations

from string import Template

from core.paths import RESOURCES
from gui.theme import tokens
from gui.theme.form_sheet import FORM_SHEET
from gui.theme.tokens import DARK, Colors

_SHEET = Template("""
* { outline: none; }
QMainWindow, QDialog, QWidget[class~="page"] { background: $window; }
QToolTip { background: $raised; color: $text; border: 1px solid $control_border; padding: 4px 6px; }

QLabel { background: transparent; }
QLabel[class~="headline"] { font-size: ${headline_pt}pt; font-weight: 600; }
QLabel[class~="title"] { font-size: ${title_pt}pt; font-weight: 600; }
QLabel[class~="lead"] { font-size: ${lead_pt}pt; }
QLabel[class~="section"] { font-weight: 600; color: $text_muted; }
QLabel[class~="muted"] { color: $text_muted; }
QLabel[class~="caption"] { color: $text_muted; font-size: ${caption_pt}pt; }
QLabel[class~="danger"] { color: $danger_text; }
QLabel[class~="warning"] { color: $warning_text; }
QLabel:disabled { color: $text_disabled; }

QFrame[class~="card"] { background: $surface; border: 1px solid $border; border-radius: ${radius_large}px; }
QFrame[class~="panel"] { background: $surface; border: none; }
QFrame[class~="rail"] { background: $raised; border: none; border-right: 1px solid $border; }
QFrame[class~="line"] { background: $border; border: none; }
QFrame[class~="notice"] { border-radius: ${radius}px; background: $info_soft; border: 1px solid $info_text; }
QFrame[class~="notice"] QLabel { color: $info_text; }
QFrame[class~="notice"][tone="success"] { background: $accent_soft; border-color: $accent_text; }
QFrame[class~="notice"][tone="success"] QLabel { color: $accent_text; }
QFrame[class~="notice"][tone="warning"] { background: $warning_soft; border-color: $warning_text; }
QFrame[class~="notice"][tone="warning"] QLabel { color: $warning_text; }
QFrame[class~="notice"][tone="danger"] { background: $danger_soft; border-color: $danger_text; }
QFrame[class~="notice"][tone="danger"] QLabel { color: $danger_text; }

QPushButton, QToolButton[class~="button"] {
  background: $surface; color: $text; border: 1px solid $control_border; border-radius: ${radius}px;
  padding: 5px 14px; min-height: 20px;
}
QPushButton:hover, QToolButton[class~="button"]:hover { background: $hover; }
QPushButton:pressed, QToolButton[class~="button"]:pressed { background: $border; }
QPushButton:focus, QToolButton[class~="button"]:focus { border: 2px solid $focus; padding: 4px 13px; }
QPushButton:disabled, QToolButton[class~="button"]:disabled { color: $text_disabled; border-color: $border; }
QPushButton:checked { background: $selection; }
QPushButton[class~="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[class~="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[class~="primary"]:pressed { background: $accent_pressed; }
QPushButton[class~="primary"]:focus { border: 2px solid $text; }
QPushButton[class~="primary"]:disabled { background: $neutral_soft; color: $text_disabled; border-color: $border; }
QPushButton[class~="danger"] { color: $danger_text; border-color: $danger_text; }
QPushButton[class~="danger"]:hover { background: $danger_soft; }
QPushButton[class~="quiet"], QToolButton[class~="quiet"] {
  background: transparent; color: $text; border: 1px solid transparent; border-radius: ${radius}px; padding: 4px 8px;
}
QPushButton[class~="quiet"]:hover, QToolButton[class~="quiet"]:hover { background: $hover; }
QPushButton[class~="quiet"]:disabled { color: $text_disabled; }
QPushButton[class~="quiet"]:focus, QToolButton[class~="quiet"]:focus { border: 2px solid $focus; padding: 3px 7px; }
QToolButton::menu-indicator { image: none; width: 0; }
QPushButton::menu-indicator { image: url($icons/chevron-down-$shade.svg); width: 12px; subcontrol-position: right center; subcontrol-origin: padding; right: 8px; }

QToolButton[class~="rail"] {
  background: transparent; color: $text_muted; border: 2px solid transparent; border-radius: ${radius}px;
  padding: 6px 2px; font-size: ${caption_pt}pt;
}
QToolButton[class~="rail"]:hover { background: $hover; color: $text; }
QToolButton[class~="rail"]:checked { background: $selection; color: $accent_text; font-weight: 600; }
QToolButton[class~="rail"]:focus { border-color: $focus; }

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox {
  background: $surface; color: $text; border: 1px solid $control_border; border-radius: ${radius}px;
  selection-background-color: $accent; selection-color: $on_accent; placeholder-text-color: $text_muted;
}
QLineEdit, QComboBox, QAbstractSpinBox { padding: 4px 8px; min-height: 22px; }
QPlainTextEdit, QTextEdit { padding: 4px; }
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:hover, QAbstractSpinBox QLineEdit:focus {
  border: 0; padding: 0; margin-left: 8px; min-height: 0; background: transparent;
}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; border: none; }
QLineEdit:hover, QComboBox:hover, QAbstractSpinBox:hover { border-color: $text_muted; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus { border: 2px solid $focus; padding: 3px 7px; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid $focus; padding: 3px; }
QLineEdit:disabled, QComboBox:disabled, QPlainTextEdit:disabled { background: $window; color: $text_disabled; border-color: $border; }
QLineEdit[class~="wrong"], QComboBox[class~="wrong"], QPlainTextEdit[class~="wrong"] { border: 2px solid $danger_text; padding: 3px 7px; }
QTextBrowser { border: none; background: transparent; }
QComboBox[class~="unset"] { color: $text_muted; }
QComboBox::drop-down { border: none; width: 24px; subcontrol-position: right center; }
QComboBox::down-arrow { image: url($icons/chevron-down-$shade.svg); width: 14px; height: 14px; }
QComboBox QAbstractItemView {
  background: $surface; color: $text; border: 1px solid $control_border; padding: 4px;
  selection-background-color: $selection; selection-color: $text;
}
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 6px; }

QCheckBox, QRadioButton { spacing: 8px; background: transparent; padding: 2px; border: 2px solid transparent; border-radius: 4px; }
QCheckBox:focus, QRadioButton:focus { border-color: $focus; }
QCheckBox::indicator, QAbstractItemView::indicator { width: 16px; height: 16px; border: 1px solid $control_border; border-radius: 4px; background: $surface; }
QCheckBox::indicator:hover, QAbstractItemView::indicator:hover { border-color: $text_muted; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked { background: $accent; border-color: $accent; image: url($icons/check-on-accent-$shade.svg); }
QCheckBox::indicator:indeterminate { background: $neutral_soft; image: url($icons/minus-$shade.svg); }
QCheckBox::indicator:disabled, QAbstractItemView::indicator:disabled { border-color: $border; background: $window; }

QHeaderView { background: $raised; border: none; }
QHeaderView::section {
  background: $raised; color: $text_muted; border: none; border-right: 1px solid $border; border-bottom: 1px solid $border;
  padding: 6px 8px; font-weight: 600;
}
QHeaderView::section:hover { background: $hover; color: $text; }
QHeaderView::down-arrow { image: url($icons/chevron-down-$shade.svg); width: 12px; height: 12px; subcontrol-position: right center; right: 4px; }
QHeaderView::up-arrow { image: url($icons/chevron-up-$shade.svg); width: 12px; height: 12px; subcontrol-position: right center; right: 4px; }
QTableCornerButton::section { background: $raised; border: none; }
QAbstractItemView {
  background: $surface; alternate-background-color: $window; color: $text; border: none; gridline-color: $border;
  selection-background-color: $selection; selection-color: $text;
}
QTableView[class~="framed"], QTreeView[class~="framed"], QListView[class~="framed"] { border: 1px solid $border; border-radius: ${radius}px; }
QTableView[class~="framed"]:focus, QTreeView[class~="framed"]:focus, QListView[class~="framed"]:focus { border: 1px solid $focus; }
QTableView[class~="frozen"] { border-right: 1px solid $control_border; }
QTableView[class~="cells"]::item { padding: 0 5px; border: none; }
QTableView[class~="cells"]::item:selected { background: $selection; color: $text; }
QTreeView::item, QListView::item { min-height: 26px; padding: 2px 4px; }
QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTreeView::item:selected, QListView::item:selected { background: $selection; color: $text; }

QScrollArea, QScrollArea > QWidget > QWidget[class~="scrolled"] { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $control_border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $text_muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; }

QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $border; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { background: transparent; }
QTabBar::tab {
  background: transparent; color: $text_muted; padding: 7px 14px; border: 2px solid transparent; border-bottom: 2px solid transparent;
}
QTabBar::tab:hover { color: $text; background: $hover; }
QTabBar::tab:selected { color: $accent_text; border-bottom-color: $accent; font-weight: 600; }
QTabBar::tab:focus { border-color: $focus; }
QGroupBox { border: 1px solid $border; border-radius: ${radius}px; margin-top: 10px; padding: 12px 8px 8px 8px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; }

QProgressBar { background: $neutral_soft; border: none; border-radius: 4px; min-height: 8px; max-height: 8px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }

QMenuBar { background: $window; border-bottom: 1px solid $border; padding: 2px 4px; }
QMenuBar::item { background: transparent; padding: 4px 10px; border-radius: 4px; color: $text; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $surface; border: 1px solid $control_border; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 12px; border-radius: 4px; color: $text; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $text_disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenu::indicator { width: 14px; height: 14px; margin-left: 6px; }
QMenu::indicator:checked { image: url($icons/check-$shade.svg); }
QStatusBar { background: $window; color: $text_muted; }
QStatusBar::item { border: none; }
""")


def stylesheet(colors: Colors) -> str:
    """The sheet for a theme."""
    return Template(_SHEET.template + FORM_SHEET).substitute(
        colors.as_mapping(),
        mono=", ".join(f'"{family}"' for family in tokens.MONO_FAMILIES),
        icons=(RESOURCES / "icons").as_posix(),
        shade="dark" if colors is DARK else "light",
        headline_pt=tokens.HEADLINE_PT,
        title_pt=tokens.TITLE_PT,
        lead_pt=tokens.LEAD_PT,
        caption_pt=tokens.CAPTION_PT,
        radius=tokens.RADIUS,
        radius_large=tokens.RADIUS_LARGE,
    )
