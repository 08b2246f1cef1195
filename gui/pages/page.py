"""The base of every page, and the list of pages there are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget

from gui.services import Services


class Page(QWidget):
    """One place in the window. Built when it is first shown, kept from then on.

    A subclass builds its widgets in `__init__` (after `super().__init__(services, parent)`), sets every visible text in
    `retranslate`, and calls `self.retranslate()` at the end of `__init__`.
    """

    page_id: ClassVar[str] = ""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.setProperty("class", "page")
        self.setObjectName(f"page-{self.page_id}")

    def title(self) -> str:
        """What the navigation rail calls it."""
        return page_title(self.page_id)

    def activated(self, topic: str = "") -> None:
        """Called each time the page comes to the front; sets the focus. `topic` is what it was asked for, "" for nothing."""

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""

    def changeEvent(self, event: QEvent) -> None:
        """Follows the language."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)


@dataclass(frozen=True, slots=True)
class PageEntry:
    """Where a page's class lives; imported when the page is first shown."""

    page_id: str
    icon: str
    module: str
    class_name: str

    def build(self, services: Services, parent: QWidget | None) -> Page:
        """Imports and makes the page."""
        made = getattr(importlib.import_module(self.module), self.class_name)(services, parent)
        assert isinstance(made, Page)
        return made


PAGES: tuple[PageEntry, ...] = (
    PageEntry("pick", "pick", "gui.pages.pick", "PickPage"),
    PageEntry("setup", "setup", "gui.pages.setup", "SetupPage"),
    PageEntry("run", "run", "gui.pages.run", "RunPage"),
    PageEntry("queue", "queue", "gui.pages.queue", "QueuePage"),
    PageEntry("history", "history", "gui.pages.history", "HistoryPage"),
    PageEntry("environment", "environment", "gui.pages.environment", "EnvironmentPage"),
)
"""The pages in the order of the rail. A page is listed here once it exists."""


def page_title(page_id: str) -> str:
    """The name of a page on the rail, without importing the page."""
    titles = {
        "pick": QCoreApplication.translate("Navigation", "Pick"),
        "setup": QCoreApplication.translate("Navigation", "Set up"),
        "run": QCoreApplication.translate("Navigation", "Run"),
        "queue": QCoreApplication.translate("Navigation", "Queue"),
        "history": QCoreApplication.translate("Navigation", "History"),
        "environment": QCoreApplication.translate("Navigation", "Environment"),
    }
    return titles[page_id]
