"""The whole catalogue, looked up by id or by what a command line says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.catalogue.spec import DEFAULT_OPTIMIZER, Category, OptimizerSpec


class Catalogue:
    """All optimizers in table order. Immutable; made by `core.catalogue.loader.load_catalogue`."""

    def __init__(self, optimizers: Sequence[OptimizerSpec], categories: Sequence[Category]) -> None:
        self.optimizers = tuple(sorted(optimizers, key=lambda spec: spec.order))
        self.categories = tuple(sorted(categories, key=lambda category: category.order))
        self._by_id = {spec.id: spec for spec in self.optimizers}
        self._exact: dict[str, OptimizerSpec] = {}
        self._folded: dict[str, OptimizerSpec] = {}
        self._mistaken = {name.lower(): spec for spec in self.optimizers for name in spec.mistaken_names}
        for spec in self.optimizers:
            for name in spec.names:
                if "." in name:
                    self._exact[name] = spec
                else:
                    self._folded[name.lower()] = spec

    def __iter__(self) -> Iterator[OptimizerSpec]:
        return iter(self.optimizers)

    def __len__(self) -> int:
        return len(self.optimizers)

    def __getitem__(self, optimizer_id: str) -> OptimizerSpec:
        """The entry of that id. Raises KeyError."""
        return self._by_id[optimizer_id]

    def get(self, optimizer_id: str) -> OptimizerSpec | None:
        """The entry of that id, or None."""
        return self._by_id.get(optimizer_id)

    def find(self, optimizer_type: str) -> OptimizerSpec | None:
        """The entry that `--optimizer_type` means, as sd-scripts compares names; None for a class of the user's own."""
        if not optimizer_type:
            return self._by_id.get(DEFAULT_OPTIMIZER)
        if "." in optimizer_type:
            return self._exact.get(optimizer_type)
        return self._folded.get(optimizer_type.lower())

    def meant_by(self, optimizer_type: str) -> OptimizerSpec | None:
        """The entry that a name which `find` does not know was most likely meant to be; None where nobody can say."""
        return self._mistaken.get(optimizer_type.lower())

    def find_for_options(self, options: Mapping[str, object]) -> OptimizerSpec | None:
        """The entry that a whole set of sd-scripts options means, old forms (`use_8bit_adam`) included."""
        for spec in self.optimizers:
            for form in spec.old_forms:
                if all(options.get(name) == value for name, value in form.options.items()):
                    return spec
        return self.find(str(options.get("optimizer_type") or ""))
