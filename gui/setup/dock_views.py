"""The views at the bottom of Set up, in the order of their tabs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from core.text import Text
from gui.services import Services
from gui.setup.dock_view import DockView


@dataclass(frozen=True, slots=True)
class ViewEntry:
    """A view that is made when it is first wanted.

    Attributes:
        view_id: its id.
        title: the tab's words.
        make: makes it, inside its parent.
        at_once: it is made with the dock, because its badge has to be true from the start.
    """

    view_id: str
    title: Text
    make: Callable[[Services, QWidget], DockView]
    at_once: bool = False


def _command(services: Services, parent: QWidget) -> DockView:
    from gui.setup.command_view import CommandView

    return CommandView(services, parent)


def _advice(services: Services, parent: QWidget) -> DockView:
    from gui.setup.advice_view import AdviceView

    return AdviceView(services, parent)


def _effective(services: Services, parent: QWidget) -> DockView:
    from gui.setup.effective_view import EffectiveView

    return EffectiveView(services, parent)


def _preflight(services: Services, parent: QWidget) -> DockView:
    from gui.setup.preflight_view import PreflightView

    return PreflightView(services, parent)


def _images(services: Services, parent: QWidget) -> DockView:
    from gui.setup.images_view import ImagesView

    return ImagesView(services, parent)


VIEWS: tuple[ViewEntry, ...] = (
    ViewEntry("command", Text("Command", "コマンド"), _command, at_once=True),
    ViewEntry("advice", Text("Advice", "アドバイス"), _advice, at_once=True),
    ViewEntry("effective", Text("Effective settings", "実際の設定"), _effective),
    ViewEntry("images", Text("Images", "画像"), _images),
    ViewEntry("preflight", Text("Preflight", "事前テスト"), _preflight),
)
