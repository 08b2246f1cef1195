"""The part of the stylesheet that forms use. Joined with the rest by `gui.theme.stylesheet`.

Classes: `field-name`, `field-title`, `field-code`, `field-help`, `field-problem` on labels; `change-bar` (with `set` or
`wrong`) on frames; `segment` on checkable buttons; `jump` on lists; `dock` on the frame at the bottom of a page.
"""

from typing import Final

FORM_SHEET: Final = """
QLabel[class~="field-name"] { font-family: $mono; font-weight: 600; }
QLabel[class~="field-title"] { font-weight: 500; }
QLabel[class~="field-code"] { font-family: $mono; font-size: ${caption_pt}pt; color: $text_muted; }
QLabel[class~="field-help"] { font-size: ${caption_pt}pt; color: $text_muted; }
QLabel[class~="field-problem"] { font-size: ${caption_pt}pt; color: $danger_text; }
QLabel[class~="idle"] { color: $text_disabled; }
QLabel[class~="mono"] { font-family: $mono; }

QFrame[class~="change-bar"] { background: transparent; border: none; border-radius: 1px; }
QFrame[class~="change-bar"][class~="set"] { background: $accent; }
QFrame[class~="change-bar"][class~="wrong"] { background: $danger_text; }

QPushButton[class~="segment"] {
  border-radius: 0; margin: 0 0 0 -1px; padding: 4px 12px; min-height: 22px; color: $text_muted; background: $surface;
}
QPushButton[class~="segment"][place="first"] {
  margin: 0; border-top-left-radius: ${radius}px; border-bottom-left-radius: ${radius}px;
}
QPushButton[class~="segment"][place="last"] { border-top-right-radius: ${radius}px; border-bottom-right-radius: ${radius}px; }
QPushButton[class~="segment"]:hover { color: $text; background: $hover; }
QPushButton[class~="segment"]:checked { color: $accent_text; background: $accent_soft; border-color: $accent; }
QPushButton[class~="segment"][class~="plain"]:checked { color: $text; background: $neutral_soft; border-color: $control_border; }
QPushButton[class~="segment"][class~="wrong"]:checked { color: $danger_text; background: $danger_soft; border-color: $danger_text; }
QPushButton[class~="segment"]:focus { border: 2px solid $focus; padding: 3px 11px; }

QToolButton[class~="browse"] { padding: 3px 6px; min-height: 22px; min-width: 20px; }
QToolButton[class~="browse"]:focus { padding: 2px 5px; }
QPushButton[class~="fold"] { color: $text_muted; text-align: left; padding: 4px 8px; }
QPushButton[class~="fold"]:checked { background: transparent; }
QPushButton[class~="fold"]:hover { color: $text; background: $hover; }
QPushButton[class~="link"] { border: none; background: transparent; color: $accent_text; padding: 4px 4px; text-align: left; }
QPushButton[class~="link"][class~="wrong"] { color: $danger_text; }
QPushButton[class~="link"]:hover { text-decoration: underline; background: transparent; }
QPushButton[class~="link"]:focus { border: 2px solid $focus; padding: 2px 2px; }

QListWidget[class~="jump"] { background: transparent; border: none; color: $text_muted; }
QListWidget[class~="jump"]::item { padding: 5px 8px; border-radius: ${radius}px; border: none; min-height: 20px; }
QListWidget[class~="jump"]::item:hover { background: $hover; color: $text; }
QListWidget[class~="jump"]::item:selected { background: $selection; color: $accent_text; }

QTableView[class~="options"]::item { padding: 0 5px; }
QListWidget[class~="problems"] { background: transparent; border: none; }

QScrollArea[class~="bare"], QScrollArea[class~="bare"] > QWidget > QWidget { background: transparent; }
QFrame[class~="dock"] { background: $surface; border: none; border-top: 1px solid $border; }
QFrame[class~="side"] { background: $surface; border: none; border-left: 1px solid $border; }
QPlainTextEdit[class~="code"] { font-family: $mono; border: none; background: transparent; padding: 4px; }
QPlainTextEdit[class~="code"]:focus { border: none; padding: 4px; }
QLineEdit[class~="mono"], QTableView[class~="mono"] { font-family: $mono; }
QPlainTextEdit[class~="wrong"] { border: 2px solid $danger_text; padding: 3px; }
"""
