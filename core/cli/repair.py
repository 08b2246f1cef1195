"""`environment repair`: what is broken, by name, and the commands that mend it; `--restore` brings packages back."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.environment import agreed, find_environment, store
from core.cli.interruptible import interruptible, show_output
from core.cli.output import note, print_json, say
from core.environment.install import shown
from core.environment.model import Environment
from core.environment.probe import probe
from core.environment.reports import users_reports
from core.errors import CaddieError
from core.text import Text
from core.wizard.freeze import saved_freezes
from core.wizard.hardware import find_hardware
from core.wizard.mend import Mended, home_of, mend, restore, restore_plan
from core.wizard.recipes import best_build, load_builds
from core.wizard.repair import Ailment, diagnose


def run_repair(options: Namespace) -> int:
    """Says what is broken and mends it; 1 where something stays broken."""
    environment = find_environment(store(), options.id)
    if options.restore:
        return _restore(environment, options.restore, yes=options.yes, dry=options.dry_run)
    catalogue = load_catalogue()
    report = probe(environment, catalogue=catalogue)
    if report.problem is not None:
        note(report.problem)
        return 1
    ailments = diagnose(environment, report, find_hardware(), load_builds())
    if options.json:
        print_json(ailments)
    elif not ailments:
        note(Text("Nothing is broken.", "壊れているものはありません。"))
    else:
        _print(ailments)
    if not ailments or options.dry_run or options.json:
        return 1 if ailments else 0
    if not options.yes and not agreed():
        return 1
    mended = interruptible(lambda stop: mend(environment, ailments, show_output, stop))
    users_reports().save(environment.id, probe(environment, catalogue=catalogue))
    return _told(mended)


def _print(ailments: tuple[Ailment, ...]) -> None:
    for ailment in ailments:
        note(f"{ailment.id}: {say(ailment.text)}")
        for command in ailment.commands:
            note(f"    {shown(command)}")
        for path in ailment.removes:
            note(f"    - {path}")


def _restore(environment: Environment, word: str, *, yes: bool, dry: bool) -> int:
    saved = saved_freezes(home_of(environment))
    path = saved[0] if word == "latest" and saved else Path(word)
    if not path.is_file():
        listed = ", ".join(str(item) for item in saved[:5]) or "-"
        raise CaddieError(
            Text(
                f"There is no list of packages {path}. Kept: {listed}", f"パッケージ一覧 {path} はありません。保存済み: {listed}"
            )
        )
    commands = restore_plan(environment, path, best_build(load_builds(), find_hardware()).index)
    if not commands:
        note(Text("Everything is as it was.", "すべて元のままです。"))
        return 0
    for command in commands:
        note(f"    {shown(command)}")
    if dry or (not yes and not agreed()):
        return 1
    return _told(interruptible(lambda stop: restore(environment, commands, show_output, stop)))


def _told(mended: Mended) -> int:
    if mended.problem is not None:
        note(mended.problem)
    if mended.kept is not None:
        note(
            Text(
                f"The packages as they were before: {mended.kept}. Bring them back with --restore.",
                f"変更前のパッケージ一覧: {mended.kept}。--restore で元に戻せます。",
            )
        )
    return 0 if mended.ok else 1
