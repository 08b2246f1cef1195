"""Variables in shell scripts: what was set earlier in the file is put where it is used. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from core.command import powershell, sh
from core.convert.decode import too_large

LONGEST: Final = 1 << 20
"""Characters that a script may grow to: variables that hold each other would otherwise fill the memory."""

_CMD_SET: Final = re.compile(r'^\s*@?set\s+(?:"([^="]+)=(.*)"|([^=\s"/]+)=(.*?))\s*$', re.IGNORECASE)
_CMD_USE: Final = re.compile(r"%%|%~dp0|%([A-Za-z_][\w.\-]*)%", re.IGNORECASE)
_SH_USE: Final = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_SH_SET: Final = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL)
_PS_USE: Final = re.compile(r"\$(?:\{((?:env:)?\w+)\}|((?:env:|script:|global:)?[A-Za-z_]\w*))", re.IGNORECASE)
_PS_SET: Final = re.compile(
    r"""^[ \t]*\$((?:env:|script:|global:)?\w+)[ \t]*=[ \t]*(?:'((?:[^'\n]|'')*)'|"((?:[^"`\n]|`.)*)"|(-?[\d.]+(?:[eE][-+]?\d+)?|\$true|\$false))[ \t]*;?[ \t\r]*(?:\#.*)?$""",
    re.IGNORECASE | re.MULTILINE,
)


def expand_cmd(text: str, folder: str) -> tuple[str, dict[str, str]]:
    """A batch file with its own variables put in, and these variables. `%~dp0` becomes the folder of the file, if known."""
    found: dict[str, str] = {}
    delayed = re.search(r"enabledelayedexpansion", text, re.IGNORECASE) is not None
    lines: list[str] = []
    size = 0
    for line in text.split("\n"):
        whole = _CMD_USE.sub(lambda match: _cmd_value(match, found, folder), line)
        if delayed:
            whole = re.sub(r"!(\w+)!", lambda match: found.get(match[1].lower(), match[0]), whole)
        size += len(whole)
        _check(size)
        setting = _CMD_SET.match(whole)
        if setting:
            name, value = (setting[1], setting[2]) if setting[1] is not None else (setting[3], setting[4])
            found[name.strip().lower()] = value.replace("%%", "%")
        lines.append(whole)
    return "\n".join(lines), found


def _cmd_value(match: re.Match[str], found: Mapping[str, str], folder: str) -> str:
    if match[0] == "%%":
        return "%%"
    if match[1] is None:
        value = folder and folder.rstrip("\\/") + "\\"
    else:
        value = found.get(match[1].lower(), "")
        if match[1].lower() not in found:
            return match[0]
    return value.replace("%", "%%") or match[0]


def expand_sh(text: str) -> tuple[str, dict[str, str]]:
    """A shell script with its own variables put in, and these variables; of one set several times the last value counts."""
    found: dict[str, str] = {}
    if len(text) > LONGEST:
        _check(len(text))
    for words in sh.split_commands(text):
        given = words[1:] if words[0] in ("export", "local", "declare", "readonly") else words
        settings = [_SH_SET.fullmatch(word) for word in given]
        if given and all(settings):
            for setting in filter(None, settings):
                value = _SH_USE.sub(lambda match: found.get(match[1] or match[2], match[0]), setting[3])
                found[setting[1]] = found.get(setting[1], "") + value if setting[2] else value
                _check(len(found[setting[1]]))
    return _in_marks(text, found, _SH_USE, _sh_plain, _sh_marked), found


def expand_powershell(text: str) -> tuple[str, dict[str, str]]:
    """A PowerShell script with its own variables put in, and these variables; the last value counts."""
    found: dict[str, str] = {}
    for match in _PS_SET.finditer(text):
        name = _ps_name(match[1])
        if match[2] is not None:
            found[name] = match[2].replace("''", "'")
        elif match[3] is not None:
            inner = re.sub(r"`(.)", r"\1", match[3])
            found[name] = _PS_USE.sub(lambda use: found.get(_ps_name(use[1] or use[2]), use[0]), inner)
        else:
            found[name] = match[4].lstrip("$")
        _check(len(found[name]))
    # A setting itself stays as it is: its own name must not be replaced.
    return _in_marks(text, found, _PS_USE, _ps_plain, _ps_marked, keep=re.compile(r"[ \t]*\+?=(?!=)"), escape="`"), found


def _ps_name(name: str) -> str:
    return re.sub(r"^(script|global):", "", name.lower())


def _sh_plain(value: str) -> str:
    return " ".join(map(sh.quote, value.split()))  # an unquoted variable is cut at its blanks


def _sh_marked(value: str) -> str:
    return re.sub(r'([$`"\\])', r"\\\1", value)


def _ps_plain(value: str) -> str:
    return powershell.literal(value)


def _ps_marked(value: str) -> str:
    return re.sub(r'([`"$])', r"`\1", value)


def _in_marks(
    text: str,
    found: Mapping[str, str],
    use: re.Pattern[str],
    plain: Callable[[str], str],
    marked: Callable[[str], str],
    *,
    keep: re.Pattern[str] | None = None,
    escape: str = "\\",
) -> str:
    """Puts variables in outside of single quotation marks and comments; what an escape protects stays."""
    pieces: list[str] = []
    size, place, mark = 0, 0, ""
    while place < len(text):
        letter = text[place]
        piece = letter
        if mark == "'":
            mark = "" if letter == "'" else mark
        elif letter == escape:
            piece = text[place : place + 2]
        elif letter == '"':
            mark = "" if mark else '"'
        elif letter == "'" and not mark:
            mark = "'"
        elif letter == "#" and not mark and (place == 0 or text[place - 1].isspace()):
            end = text.find("\n", place)
            piece = text[place:] if end < 0 else text[place:end]
        elif letter == "$" and (match := use.match(text, place)):
            piece = match[0]
            value = found.get(_ps_name(piece.strip("${}")) if keep else piece.strip("${}"))
            if value is not None and not (keep and keep.match(text, match.end())):
                result = marked(value) if mark else plain(value)
                pieces.append(result)
                size += len(result)
                _check(size)
                place = match.end()
                continue
        pieces.append(piece)
        size += len(piece)
        place += len(piece)
    return "".join(pieces)


def _check(size: int) -> None:
    if size > LONGEST:
        raise too_large(size, LONGEST)
