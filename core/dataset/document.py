"""A dataset config that can be edited: tables with their keys, comments and order as in the file. Immutable.

A file that nobody changed is written as it was read, byte for byte but for its encoding; a change touches its own line. Why no
library does this: docs/decisions/0010-dataset-config.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from core.dataset.config import GENERAL, Place
from core.dataset.sections import HEADERS, Section, Values, apart, merge, new_section
from core.dataset.statements import new_statement


@dataclass(frozen=True)
class DatasetConfig:
    """The file.

    Attributes:
        sections: its tables, in its order.
    """

    sections: tuple[Section, ...] = ()

    @cached_property
    def text(self) -> str:
        """The TOML."""
        return "".join(section.text for section in self.sections)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where each dataset and each subset is, in the order of the file; `[general]` is not among them."""
        found: list[Place] = []
        dataset, subset = -1, -1
        for section in self.sections:
            if section.kind == "dataset":
                dataset, subset = dataset + 1, -1
            elif section.kind == "subset":
                subset += 1
            else:
                continue
            found.append(Place(dataset, subset))
        return tuple(found)

    @cached_property
    def _index(self) -> dict[Place, int]:
        found: dict[Place, int] = {}
        places = iter(self.places)
        for number, section in enumerate(self.sections):
            if section.kind == "general":
                found[GENERAL] = number
            elif section.kind in ("dataset", "subset"):
                found[next(places)] = number
        return found

    def __contains__(self, place: Place) -> bool:
        """Whether there is such a table."""
        return place in self._index

    def subset_count(self, dataset: int) -> int:
        """How many subsets a dataset has."""
        return sum(place.dataset == dataset and place.subset >= 0 for place in self.places)

    @property
    def dataset_count(self) -> int:
        """How many datasets there are."""
        return sum(place.subset < 0 for place in self.places)

    def values(self, place: Place) -> dict[str, Any]:
        """What a table says; nothing where it is not there."""
        number = self._index.get(place)
        return {} if number is None else self.sections[number].values

    def document(self) -> dict[str, Any]:
        """All tables, as a reader of TOML gives them (but in the order that is usual)."""
        found: dict[str, Any] = {}
        for section in self.sections:
            if section.kind in ("file", "other"):
                merge(found, section.values)
        if GENERAL in self:
            found["general"] = self.values(GENERAL)
        for place in self.places:
            values = self.values(place)
            if place.subset < 0:
                found.setdefault("datasets", []).append(values)
            else:
                found["datasets"][-1].setdefault("subsets", []).append(values)
        return found

    def with_value(self, place: Place, name: str, value: object) -> DatasetConfig:
        """The same with another value for a key; None takes the key away. `[general]` is made where it is missing.

        Raises:
            Problems: a value that cannot be written.
            KeyError: there is no such table.
        """
        if place == GENERAL and place not in self:
            if value is None:
                return self
            ahead = 1 if self.sections and self.sections[0].kind == "file" else 0
            made = Section("general", header=HEADERS["general"])
            return self._spliced(ahead, ahead, [made]).with_value(place, name, value)
        number = self._index[place]
        return self._spliced(number, number + 1, [self.sections[number].with_value(name, value)], spaced=False)

    def with_name(self, place: Place, name: str, better: str) -> DatasetConfig:
        """The same with another name for a key, on its line.

        Raises:
            Problems: a value that cannot be written under the name.
            KeyError: there is no such table or key.
        """
        number = self._index[place]
        return self._spliced(number, number + 1, [self.sections[number].with_name(name, better)], spaced=False)

    # --- tables ------------------------------------------------------------------------------------------------

    def _span(self, place: Place) -> tuple[int, int]:
        """The sections of a table: of a dataset with its subsets."""
        first = self._index[place]
        kinds = ("dataset",) if place.subset < 0 else ("dataset", "subset")
        after = (number for number in range(first + 1, len(self.sections)) if self.sections[number].kind in (*kinds, "general"))
        return first, next(after, len(self.sections))

    def _spliced(self, first: int, last: int, made: Sequence[Section], *, spaced: bool = True) -> DatasetConfig:
        sections = [*self.sections[:first], *made, *self.sections[last:]]
        for number in (first, first + len(made)) if spaced else ():
            if 0 < number < len(sections):
                sections[number] = apart(sections[number - 1], sections[number])
        if spaced and first == 0 and sections:
            sections[0] = replace(sections[0], lead=sections[0].lead.lstrip("\n"))
        return DatasetConfig(tuple(sections))

    def with_dataset(self, values: Values, subsets: Sequence[Values] = (), at: int | None = None) -> DatasetConfig:
        """The same with one more dataset.

        Args:
            values: of the dataset.
            subsets: its subsets.
            at: its number; None for behind all others.

        Raises:
            Problems: a value that cannot be written.
        """
        made = [new_section("dataset", values)]
        for subset in subsets:
            made.append(apart(made[-1], new_section("subset", subset)))
        end = len(self.sections) if at is None or at >= self.dataset_count else self._index[Place(at)]
        return self._spliced(end, end, made)

    def with_subset(self, dataset: int, values: Values, at: int | None = None) -> DatasetConfig:
        """The same with one more subset in a dataset; `at` is its number, None for behind all others.

        Raises:
            Problems: a value that cannot be written.
            KeyError: there is no such dataset.
        """
        indent = self.sections[self._index[Place(dataset, 0)]].indent if Place(dataset, 0) in self else ""
        place = Place(dataset, at) if at is not None else None
        end = self._index[place] if place is not None and place in self else self._span(Place(dataset))[1]
        return self._spliced(end, end, [new_section("subset", values, indent)])

    def without(self, place: Place) -> DatasetConfig:
        """The same without a dataset and its subsets, or without a subset.

        Raises:
            KeyError: there is no such table.
        """
        return self._spliced(*self._span(place), [])

    def duplicated(self, place: Place) -> DatasetConfig:
        """The same with a table twice, the second right behind the first.

        Raises:
            KeyError: there is no such table.
        """
        first, last = self._span(place)
        return self._spliced(last, last, self.sections[first:last])

    def moved(self, place: Place, to: Place) -> DatasetConfig:
        """The same with a table at another's place; that one and those between them make room.

        Args:
            place: of the table: a dataset goes among datasets, a subset anywhere.
            to: its new place, counted without the table; one behind the last is the end.

        Raises:
            KeyError: there is no such table, or no such dataset to move a subset into.
        """
        first, last = self._span(place)
        block = self.sections[first:last]
        rest = self._spliced(first, last, [])
        if to in rest:
            end = rest._index[to]
        elif to.subset < 0:
            end = len(rest.sections)
        else:
            end = rest._span(Place(to.dataset))[1]
        return rest._spliced(end, end, block)


def from_document(document: Values) -> DatasetConfig:
    """A config of some tables, written anew.

    Raises:
        Problems: a value that cannot be written.
    """
    others = {name: value for name, value in document.items() if name not in ("general", "datasets")}
    sections = [Section("file", body=tuple(new_statement(name, value) for name, value in others.items()))] if others else []
    config = DatasetConfig(tuple(sections))
    if "general" in document:
        config = config._spliced(len(sections), len(sections), [new_section("general", document["general"])])
    for dataset in document.get("datasets", []):
        values = {name: value for name, value in dataset.items() if name != "subsets"}
        config = config.with_dataset(values, dataset.get("subsets", []))
    return config
