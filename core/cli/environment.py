"""`environment add|list|show|check|install|remove`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.cli.interruptible import interruptible, show_output
from core.cli.output import note, plain, print_facts, print_json, print_table, say
from core.environment.check import everything_missing, optimizer_state
from core.environment.install import InstallPlan, plan_install, run_install, shown
from core.environment.model import Environment, PackageReport, ProbeReport, Readiness
from core.environment.probe import probe
from core.environment.reports import users_reports
from core.environment.store import EnvironmentStore
from core.errors import CaddieError, nearest
from core.paths import environments_file
from core.text import Text, same


def store() -> EnvironmentStore:
    """The user's environments."""
    return EnvironmentStore(environments_file())


def find_environment(environments: EnvironmentStore, word: str | None) -> Environment:
    """The environment of that id or name; the selected (or only) one where `word` is None.

    Raises:
        CaddieError: none was added, or none is called so.
    """
    known = environments.all()
    if not known:
        raise CaddieError(
            Text(
                "No environment yet. Add the folder of your sd-scripts: python main.py environment add FOLDER",
                "環境がまだありません。sd-scripts のフォルダーを追加してください: python main.py environment add フォルダー",
            )
        )
    wanted = environments.selected if word is None else word
    found = next((item for item in known if wanted in (item.id, item.name)), None)
    if found is None:
        names = [item.id for item in known] + [item.name for item in known]
        near = nearest(str(wanted), names)
        listed = ", ".join(f"{item.id} ({item.name})" for item in known)
        raise CaddieError(
            Text(
                f"There is no environment {wanted!r}." + (f" Did you mean {near}?" if near else "") + f" Known: {listed}",
                f"環境 {wanted!r} はありません。" + (f"{near} のことですか?" if near else "") + f" 登録済み: {listed}",
            )
        )
    return found


def run_environment(options: Namespace) -> int:
    """Runs one action."""
    actions = {"add": _add, "list": _list, "show": _show, "check": _check, "install": _install, "remove": _remove}
    actions |= {"create": _create, "repair": _repair}
    return actions[options.action](options)


def _create(options: Namespace) -> int:
    from core.cli.create import run_create

    return run_create(options)


def _repair(options: Namespace) -> int:
    from core.cli.repair import run_repair

    return run_repair(options)


def _add(options: Namespace) -> int:
    from core.environment.discover import make_environment, survey

    path = Path(options.path)
    checkout = Path(options.sd_scripts).expanduser().absolute() if options.sd_scripts else None
    found = survey(path)
    environments = list(found.environments)
    if checkout is not None:
        environments = [
            make_environment(item.python, checkout, layout=item.layout, name=options.name or "") for item in environments[:1]
        ]
    elif options.name and environments:
        first = environments[0]
        environments = [make_environment(first.python, first.sd_scripts, layout=first.layout, name=options.name)]
    if not environments:
        raise CaddieError(_nothing_found(path, found.homeless))
    kept = store()
    for environment in environments:
        kept.add(environment)
    if options.json:
        print_json(environments)
    else:
        _print_environments(environments, kept)
    return 0


def _nothing_found(path: Path, homeless: Sequence[Path]) -> Text:
    if homeless:
        return Text(
            f"{homeless[0]} is an sd-scripts checkout without a venv. Name its Python: "
            f"environment add PYTHON --sd-scripts {homeless[0]}",
            f"{homeless[0]} は sd-scripts ですが venv がありません。Python を指定してください: "
            f"environment add PYTHON --sd-scripts {homeless[0]}",
        )
    return Text(
        f"No Python and no sd-scripts in {path}. Give the folder that holds train_network.py and venv, or a python executable.",
        f"{path} に Python も sd-scripts もありません。train_network.py と venv のあるフォルダーか、python の実行ファイルを指定してください。",
    )


def _print_environments(environments: Sequence[Environment], kept: EnvironmentStore) -> None:
    selected = kept.selected
    print_table(
        ["id", say(Text("name", "名前")), say(Text("layout", "構成")), "python", "sd-scripts", ""],
        [
            [item.id, item.name, item.layout, str(item.python), str(item.sd_scripts or "-"), "*" if item.id == selected else ""]
            for item in environments
        ],
    )


def _list(options: Namespace) -> int:
    kept = store()
    environments = kept.all()
    if kept.problem is not None:
        note(kept.problem)
    found: list[Environment] = []
    if options.found:
        from core.environment.find import find_installations

        known = {item.id for item in environments}
        found = [item for item in find_installations() if item.id not in known]
    if options.json:
        print_json({"environments": environments, "selected": kept.selected, "found": found})
        return 0
    _print_environments(environments, kept)
    if found:
        print(say(Text("Found, not added:", "見つかった環境 (未追加):")))
        _print_environments(found, kept)
    if not environments and not found:
        note(Text("No environment yet: environment add FOLDER", "環境がまだありません: environment add フォルダー"))
    return 0


def _probed(options: Namespace) -> tuple[Environment, ProbeReport]:
    """Probes and keeps the report, which the window shows at its next start.

    Raises:
        CaddieError: the interpreter does not answer.
    """
    environment = find_environment(store(), options.id)
    note(Text(f"Probing {environment.name} …", f"{environment.name} を確認しています …"))
    report = probe(environment)
    if report.problem is not None:
        raise CaddieError(report.problem)
    try:
        users_reports().save(environment.id, report)
    except OSError as error:
        note(Text(f"The result could not be kept: {error}", f"結果を保存できませんでした: {error}"))
    return environment, report


def _show(options: Namespace) -> int:
    environment, report = _probed(options)
    if options.json:
        print_json({"environment": environment, "report": report})
        return 0
    checkout = report.checkout
    gpus = ", ".join(f"{gpu.name} ({gpu.memory / 2**30:.0f} GiB)" for gpu in report.gpus) or "-"
    print_facts(
        [
            ("python", f"{report.python_version}  {environment.python}"),
            ("torch", f"{report.torch_version or '-'}  CUDA {report.cuda_version or '-'}"),
            ("GPU", gpus),
            ("sd-scripts", str(checkout.path) if checkout else "-"),
            ("commit", f"{(checkout.commit or '-')[:10]} {checkout.branch or ''} {checkout.version or ''}" if checkout else "-"),
            (say(Text("scripts", "スクリプト")), str(len(checkout.scripts)) if checkout else "-"),
            (say(Text("probed", "確認日時")), datetime.fromtimestamp(report.taken_at).isoformat(" ", "seconds")),
        ]
    )
    heading = [say(Text("package", "パッケージ")), say(Text("version", "バージョン")), say(Text("imports", "インポート"))]
    print_table(heading, [[item.package, item.version or "-", _imports(item)] for item in report.packages.values()])
    return 0


def _imports(package: PackageReport) -> str:
    if package.imports is None:
        return "-"
    return "ok" if package.imports else package.error or "failed"


def _check(options: Namespace) -> int:
    from core.cli.optimizers import READINESS, find_optimizer

    catalogue = load_catalogue()
    specs = [find_optimizer(catalogue, options.optimizer)] if options.optimizer else list(catalogue)
    environment, report = _probed(options)
    states = {spec.id: optimizer_state(spec, report) for spec in specs}
    if options.json:
        print_json({"environment": environment, "optimizers": {name: plain(state) for name, state in states.items()}})
    else:
        headings = [Text("optimizer", "オプティマイザー"), Text("state", "状態"), Text("why", "理由"), same("pip install")]
        print_table(
            [say(heading) for heading in headings],
            [
                [name, say(READINESS[state.readiness]), say(state.reason) if state.reason else "", " ".join(state.to_install)]
                for name, state in states.items()
            ],
        )
    asked = options.optimizer is None or all(state.readiness is Readiness.READY for state in states.values())
    return 0 if asked else 1


def _install(options: Namespace) -> int:
    specs = chosen_optimizers(options.optimizer)
    environment, report = _probed(options)
    plan = plan_install(environment, everything_missing(specs, report), report)
    if not plan.commands:
        note(Text("Nothing is missing.", "不足しているものはありません。"))
        return 0
    for command in plan.commands:
        print(shown(command))
    if plan.warning is not None:
        note(plan.warning)
    if options.dry_run:
        return 0
    if plan.touches_torch and not options.allow_torch:
        note(
            Text(
                "Not run: torch would be touched. Add --allow-torch if that is wanted.",
                "torch が変更されるため実行しません。よければ --allow-torch を付けてください。",
            )
        )
        return 1
    if not options.yes and not agreed():
        return 1
    return _watch_install(plan)


def chosen_optimizers(words: str) -> list[OptimizerSpec]:
    """The optimizers of a list of names with commas; `all` for every one.

    Raises:
        CaddieError: a name that nobody knows.
    """
    from core.cli.optimizers import find_optimizer

    catalogue = load_catalogue()
    if words.lower() == "all":
        return list(catalogue)
    return [find_optimizer(catalogue, name.strip()) for name in words.split(",") if name.strip()]


def agreed() -> bool:
    """Asks whether to run what was shown; nobody is asked, and nothing agreed, where there is no terminal."""
    if not sys.stdin.isatty():
        note(
            Text(
                "Not run: add --yes to install without being asked.", "実行しません。確認なしで行うには --yes を付けてください。"
            )
        )
        return False
    return input(say(Text("Run this? [y/N] ", "実行しますか? [y/N] "))).strip().lower() in ("y", "yes")


def _watch_install(plan: InstallPlan) -> int:
    result = interruptible(lambda stop: run_install(plan, show_output, stop))
    if result.problem is not None:
        note(result.problem)
    return 0 if result.ok else 1


def _remove(options: Namespace) -> int:
    kept = store()
    environment = find_environment(kept, options.id)
    kept.remove(environment.id)
    note(
        Text(
            f"{environment.name} is forgotten; nothing was deleted.",
            f"{environment.name} を一覧から外しました (削除はしていません)。",
        )
    )
    return 0
