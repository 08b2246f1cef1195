"""Ties form rows to the job: what the user edits goes in, what the job says comes out, and neither answers the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import shiboken6
from PySide6.QtCore import QObject

from core.job.model import Job
from gui.bridge.job_session import JobSession
from gui.forms.editors import same_stored
from gui.forms.fields import Field, Stored
from gui.forms.row import FieldRow

EditLabel = Callable[[Field], str]
"""Names an edit for the undo menu, translated."""


class FormBinding(QObject):
    """Two one-way bindings between a session's job and rows that come and go.

    Args:
        session: where the job is.
        label: names an edit of one field.
    """

    def __init__(self, session: JobSession, label: EditLabel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._label = label
        self._rows: dict[str, FieldRow] = {}
        self._shown: dict[str, Stored] = {}
        self._visit = 0
        self._bound = True
        session.changed.connect(self._on_changed)

    @property
    def job(self) -> Job:
        """The job as it is now."""
        return self._session.job

    def add(self, rows: Iterable[FieldRow]) -> None:
        """Binds rows and shows what the job says in them."""
        for row in rows:
            self._rows[row.field.key] = row
            row.edited.connect(self._on_edited)
            row.focused.connect(self._on_focused)
            self._show(row, self._session.job, force=True)

    def remove(self, rows: Iterable[FieldRow]) -> None:
        """Lets go of rows that are about to be deleted."""
        for row in rows:
            if self._rows.get(row.field.key) is row:
                del self._rows[row.field.key]
                self._shown.pop(row.field.key, None)
            if shiboken6.isValid(row):
                row.edited.disconnect(self._on_edited)
                row.focused.disconnect(self._on_focused)

    def unbind(self) -> None:
        """Cuts all ties; the rows stay as they are and the job is not touched any more."""
        if not self._bound:
            return
        self._bound = False
        self._session.changed.disconnect(self._on_changed)
        self.remove(list(self._rows.values()))

    def row(self, key: str) -> FieldRow | None:
        """The bound row of a field."""
        return self._rows.get(key)

    def __iter__(self) -> Iterator[FieldRow]:
        return iter(self._rows.values())

    def _on_focused(self, _described: object) -> None:
        # Typing in one field is one undo step; coming back to it later is another.
        self._visit += 1

    def _on_edited(self, field: Field, stored: Stored) -> None:
        job = field.put(self._session.job, stored)
        self._session.edit(job, self._label(field), merge=f"{field.key}#{self._visit}")
        row = self._rows.get(field.key)
        if row is not None:
            # The session is silent when the job is as before (a segment clicked twice): the editor still has to agree.
            self._show(row, self._session.job, force=True)

    def _on_changed(self, job: Job) -> None:
        for row in list(self._rows.values()):
            self._show(row, job)

    def _show(self, row: FieldRow, job: Job, *, force: bool = False) -> None:
        key, stored = row.field.key, row.field.get(job)
        has_effect = row.described.has_effect
        if has_effect is not None:
            row.set_effect(has_effect(job))
        if not force and key in self._shown and same_stored(self._shown[key], stored):
            return
        self._shown[key] = stored
        row.show_stored(stored)
