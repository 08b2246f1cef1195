"""`environment create`: a working sd-scripts in a folder, every command shown first; `--undo` takes it back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

from core.catalogue.loader import load_catalogue
from core.cli.environment import agreed, chosen_optimizers, store
from core.cli.interruptible import interruptible, show_output
from core.cli.output import note, plain, print_json, say
from core.environment.check import everything_needed
from core.environment.discover import make_environment
from core.environment.findings import findings
from core.environment.probe import probe
from core.environment.reports import users_reports
from core.errors import CaddieError, nearest
from core.text import Text
from core.wizard.hardware import Hardware, find_hardware
from core.wizard.journal import Journal, load_journal
from core.wizard.plan import Choice, Step, accelerate_file, check_python, refuse, steps_of, venv_python
from core.wizard.pythons import ask_version, find_pythons
from core.wizard.recipes import Recipe, TorchBuild, best_build, load_builds, load_recipes, why_no_gpu
from core.wizard.run import carry_out
from core.wizard.script import Format, export_script
from core.wizard.shown import shown_action
from core.wizard.undo import plan_removal, undo


def run_create(options: Namespace) -> int:
    """Makes it, shows what would be run, writes the script, or takes it back."""
    folder = Path(options.folder).expanduser().absolute()
    journal = load_journal(folder)
    if options.undo:
        return _undo(journal, folder, yes=options.yes)
    resumed = journal is not None and journal.began and not journal.finished
    choice = journal.choice if resumed and journal is not None else _choice(options, folder)
    if options.export:
        export_script(choice, Path(options.export), _format_of(Path(options.export)))
        return 0
    steps = steps_of(choice)
    if resumed:
        note(
            Text(
                "A set-up of this folder was cut off; it goes on with what was chosen then. To choose anew, take it back with --undo first.",
                "このフォルダーのセットアップは途中で止まっています。そのときの選択のまま続きから行います。選び直すには、先に --undo で取り消してください。",
            )
        )
    if options.json:
        print_json({"choice": plain(choice), "steps": plain(steps)})
    else:
        _print(steps, journal if resumed else None)
    if options.dry_run:
        return 0
    refuse(choice, resumed=resumed)
    if not options.yes and not agreed():
        return 1
    return _carry_out(choice)


# --- what is chosen ------------------------------------------------------------------------------------------------


def _choice(options: Namespace, folder: Path) -> Choice:
    recipe = _named(options.recipe, load_recipes())
    if options.repository:
        recipe = replace(recipe, repository=options.repository)
    hardware = find_hardware()
    build = _build(options.torch, hardware)
    python = _python(options.python, recipe)
    packages: tuple[str, ...] = ()
    if options.optimizers:
        packages = everything_needed(chosen_optimizers(options.optimizers))
    return Choice(
        recipe=recipe,
        folder=folder,
        python=python,
        build=build,
        ref=options.ref or "",
        source="zip" if options.zip else "git",
        xformers=options.xformers or recipe.xformers,
        packages=packages,
        accelerate_config=accelerate_file(),
        pip_options=tuple(word for option in options.pip_option or () for word in option.split(" ", 1)),
    )


def _named(name: str, recipes: Sequence[Recipe]) -> Recipe:
    found = next((recipe for recipe in recipes if recipe.id == name), None)
    if found is None:
        _unknown(name, [recipe.id for recipe in recipes])
    return found


def _build(name: str | None, hardware: Hardware) -> TorchBuild:
    builds = load_builds()
    if name is None:
        why = why_no_gpu(builds, hardware)
        if why is not None:
            note(why)
        return best_build(builds, hardware)
    found = next((build for build in builds if build.id == name), None)
    if found is None:
        _unknown(name, [build.id for build in builds])
    return found


def _unknown(name: str, known: Sequence[str]) -> NoReturn:
    near, listed = nearest(name, known), ", ".join(known)
    hint = f" Did you mean {near}?" if near else ""
    hint_ja = f"{near} のことですか?" if near else ""
    raise CaddieError(
        Text(f"There is no {name!r}.{hint} Known: {listed}", f"{name!r} はありません。{hint_ja}選べるもの: {listed}")
    )


def _python(said: str | None, recipe: Recipe) -> Path:
    if said:
        path = Path(said).expanduser().absolute()
        check_python(ask_version(path), recipe)
        return path
    found = find_pythons(recipe)
    if found:
        return found[0].path
    listed = ", ".join(recipe.python)
    raise CaddieError(
        Text(
            f"No Python {listed} was found. Get Python {recipe.python[0]} from https://www.python.org/downloads/, or name one: --python PATH",
            f"Python {listed} が見つかりません。https://www.python.org/downloads/ から Python {recipe.python[0]} を入れるか、"
            "--python で指定してください。",
        )
    )


def _format_of(path: Path) -> Format:
    for format in ("sh", "bat", "ps1"):
        if path.suffix.lower() == f".{format}":
            return format
    raise CaddieError(
        Text(
            f"{path}: the script is a .sh, .bat or .ps1 file.", f"{path}: スクリプトは .sh、.bat、.ps1 のいずれかにしてください。"
        )
    )


# --- doing it ------------------------------------------------------------------------------------------------------


def _print(steps: Sequence[Step], journal: Journal | None) -> None:
    for step in steps:
        done = journal is not None and journal.states.get(step.id) == "done"
        note(f"{'✓' if done else '-'} {say(step.title)}")
        for action in step.actions:
            note(f"    {shown_action(action)}")


class _Printer:
    """Tells of the progress on standard error."""

    def step(self, step: Step, state: Literal["running", "done", "failed", "skipped"]) -> None:
        if state == "running":
            note(f"== {say(step.title)}")

    def output(self, text: str) -> None:
        show_output(text)


def _carry_out(choice: Choice) -> int:
    outcome = interruptible(lambda stop: carry_out(choice, _Printer(), stop))
    if outcome.problem is not None:
        note(outcome.problem)
    if not outcome.ok:
        note(
            Text(
                "The same command goes on from here; with --undo it takes back what was made.",
                "同じコマンドで続きから再開できます。--undo を付けると、作成したものを取り消します。",
            )
        )
        return 1
    return _register(choice)


def _register(choice: Choice) -> int:
    environment = make_environment(venv_python(choice.folder), choice.folder, layout="sd-scripts")
    store().add(environment)
    report = probe(environment, catalogue=load_catalogue())
    users_reports().save(environment.id, report)
    for finding in findings(environment, report):
        note(finding.text)
    note(
        Text(
            f"{environment.name} is ready: environment {environment.id}.",
            f"{environment.name} の準備ができました: 環境 {environment.id}",
        )
    )
    return 0


def _undo(journal: Journal | None, folder: Path, *, yes: bool) -> int:
    if journal is None:
        raise CaddieError(Text(f"Nothing is known to have been made in {folder}.", f"{folder} に作成した記録はありません。"))
    removal = plan_removal(journal)
    for path in removal.folders:
        note(Text(f"would remove the folder {path}", f"フォルダーを削除: {path}"))
    note(Text(f"would remove {len(removal.files)} files", f"ファイルを削除: {len(removal.files)} 個"))
    if removal.stays:
        listed = ", ".join(str(path) for path in removal.stays[:5])
        note(
            Text(
                f"stays, since it is yours: {len(removal.stays)} files ({listed} …)",
                f"残すもの: {len(removal.stays)} 個 ({listed} …)",
            )
        )
    if not yes and not agreed():
        return 1
    undo(journal, removal)
    kept = store()
    for environment in kept.all():
        if environment.sd_scripts == folder:
            kept.remove(environment.id)
    return 0
