"""A table of a dataset config as it stands in the file: comments, header, keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

import tomli as tomllib

from core.dataset.statements import Statement, new_statement, renamed, replaced, statements

Values = Mapping[str, Any]
SectionKind = Literal["file", "general", "dataset", "subset", "other"]
HEADERS: Final[dict[SectionKind, str]] = {
    "general": "[general]\n",
    "dataset": "[[datasets]]\n",
    "subset": "[[datasets.subsets]]\n",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A table as it stands in the file.

    Attributes:
        kind: which one; "file" is what stands before the first table, "other" a table that sd-scripts does not know.
        lead: comments above its header.
        header: its line; "" for the file.
        body: keys and lines.
        nested: the text of tables inside it (`[datasets.subsets.custom_attributes]`).
    """

    kind: SectionKind
    lead: str = ""
    header: str = ""
    body: tuple[Statement, ...] = ()
    nested: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As in the file."""
        inside = "".join(statement.text for statement in self.body)
        return f"{self.lead}{self.header}{inside}{''.join(self.nested)}"

    @property
    def values(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = {}
        for said in (*(statement.said for statement in self.body), *map(self._inside, self.nested)):
            merge(found, said)
        return found

    def _inside(self, nested: str) -> Values:
        said: Any = tomllib.loads(nested)
        for name in {"general": ["general"], "dataset": ["datasets"], "subset": ["datasets", "subsets"]}.get(self.kind, []):
            said = said.get(name, {}) if isinstance(said, dict) else {}
        return cast("Values", said) if isinstance(said, dict) else {}

    @property
    def indent(self) -> str:
        """What stands before its keys."""
        keys = [statement.text for statement in self.body if statement.kind == "key"]
        line = keys[-1] if keys else self.header
        return line[: len(line) - len(line.lstrip(" \t"))]

    def with_value(self, name: str, value: object) -> Section:
        """The same with another value for a key; None takes the key away.

        Raises:
            Problems: a value that cannot be written.
        """
        nested = tuple(part for part in self.nested if name not in self._inside(part))
        body = list(self.body)
        places = [place for place, statement in enumerate(body) if statement.kind == "key" and statement.key == name]
        simple = len(places) == 1 and body[places[0]].said == {name: self.values.get(name)}
        if value is not None and simple and not _is_dotted(body[places[0]]):
            body[places[0]] = replaced(body[places[0]], value)
        else:
            body = [statement for place, statement in enumerate(body) if place not in places]
            if value is not None:
                body.insert(_end(body) if not places else places[0], new_statement(name, value, self.indent))
        return replace(self, body=tuple(_ended(body)), nested=nested)

    def with_name(self, name: str, better: str) -> Section:
        """The same with another name for a key, on its line where it has one of its own.

        Raises:
            Problems: a value that cannot be written under the name.
            KeyError: there is no such key.
        """
        value = self.values[name]
        for place, statement in enumerate(self.body):
            if statement.kind == "key" and statement.said == {name: value} and not _is_dotted(statement):
                fresh = renamed(statement, better)
                return replace(self, body=(*self.body[:place], fresh, *self.body[place + 1 :]))
        return self.with_value(name, None).with_value(better, value)


def _is_dotted(statement: Statement) -> bool:
    value = statement.said[statement.key]
    return isinstance(value, Mapping) and "{" not in statement.text


def _end(body: Sequence[Statement]) -> int:
    """Behind the last key, before the empty lines and the comments that follow it."""
    return max((place + 1 for place, statement in enumerate(body) if statement.kind == "key"), default=0)


def _ended(body: Iterable[Statement]) -> list[Statement]:
    """Every line with its newline: the file's last one may lack it."""
    return [one if one.text.endswith("\n") else replace(one, text=one.text + "\n") for one in body]


def merge(into: dict[str, Any], said: Values) -> None:
    """Puts what a table says into another; tables in both become one."""
    for name, value in said.items():
        if isinstance(value, Mapping):
            inside = into.setdefault(name, {})
            if isinstance(inside, dict):
                merge(cast("dict[str, Any]", inside), cast("Values", value))
        else:
            into[name] = value


def new_section(kind: SectionKind, values: Values, indent: str = "") -> Section:
    """A table that was not there.

    Raises:
        Problems: a value that cannot be written.
    """
    body = tuple(new_statement(name, value, indent) for name, value in values.items() if value is not None)
    return Section(kind, header=indent + HEADERS[kind], body=body)


def apart(before: Section, section: Section) -> Section:
    """An empty line between two tables that were put side by side."""
    if before.text.endswith("\n\n") or section.lead.startswith("\n"):
        return section
    return (
        replace(section, lead="\n" + section.lead) if before.text.endswith("\n") else replace(section, lead="\n\n" + section.lead)
    )


def sections_of(text: str) -> tuple[Section, ...]:
    """The tables of a valid TOML whose lines end with newlines alone; joined they are the text."""
    sections: list[Section] = [Section("file")]
    for statement in statements(text):
        current = sections[-1]
        if statement.kind == "header":
            kind = _kind(statement.said)
            if kind is None and current.kind != "file":
                sections[-1] = replace(current, nested=(*current.nested, statement.text))
                continue
            sections[-1], lead = _without_lead(current)
            header = "" if kind is None else statement.text
            nested = (statement.text,) if kind is None else ()
            sections.append(Section(kind or "other", lead, header, nested=nested))
        elif current.nested:
            nested = (*current.nested[:-1], current.nested[-1] + statement.text)
            sections[-1] = replace(current, nested=nested)
        else:
            sections[-1] = replace(current, body=(*current.body, statement))
    return tuple(section for section in sections if section.text)


def _kind(said: Values) -> SectionKind | None:
    """The table that a header opens; None for one inside another, or unknown to sd-scripts."""
    if said == {"general": {}}:
        return "general"
    if said == {"datasets": [{}]}:
        return "dataset"
    return "subset" if said == {"datasets": {"subsets": [{}]}} else None


def _without_lead(section: Section) -> tuple[Section, str]:
    """What stays in a table, and the comments right above the next one, which are about that."""
    lines = section.nested[-1].splitlines(keepends=True) if section.nested else [statement.text for statement in section.body]
    first = len(lines)
    while first and lines[first - 1].lstrip(" \t").startswith("#"):
        first -= 1
    lead = "".join(lines[first:])
    if section.nested:
        return replace(section, nested=(*section.nested[:-1], "".join(lines[:first]))), lead
    return replace(section, body=section.body[:first]), lead
