"""pip into an environment: what would happen, said first; then done, with a live log; torch is never touched unasked."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from core import paths
from core.environment.check import missing_module, satisfied
from core.environment.command import run_command
from core.environment.interpreters import child_environment, on_windows, with_console
from core.environment.model import Environment, ProbeReport
from core.environment.pip_errors import explain_pip
from core.errors import CaddieError
from core.files import write_atomically
from core.text import Text

_TORCH_FAMILY = ("torch", "torchvision", "torchaudio", "xformers", "triton", "triton-windows")
"""What has to stay together with torch: replacing one breaks the others."""
_FIRST_PIP_WITH_REPORT = (22, 2)
_DRY_RUN_SECONDS = 180.0
_CONFLICT = r"ResolutionImpossible|conflicting dependencies|No matching distribution found"
_OPTIONS = ("--disable-pip-version-check", "--no-input")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPlan:
    """What would be run, before it is.

    Attributes:
        environment: where.
        argv: the command; empty when nothing is missing.
        before: commands that come first (putting pip itself in, mending a broken package without its dependencies).
        requirements: what is missing, as pip takes it.
        installs: (name, version) of everything pip would install, as pip said; empty where it was not asked.
        touches_torch: torch, or what is built for it, would be installed or replaced: ask before running.
        warning: what to know before saying yes; None when there is nothing.
    """

    environment: Environment
    argv: list[str]
    before: tuple[tuple[str, ...], ...] = ()
    requirements: tuple[str, ...] = ()
    installs: tuple[tuple[str, str], ...] = ()
    touches_torch: bool = False
    warning: Text | None = None

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """All commands in order."""
        return (*self.before, tuple(self.argv)) if self.argv else self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult:
    """How an installation ended.

    Attributes:
        ok: all commands ended with 0.
        stopped: ended on request.
        exit_code: of the last command; None where it was killed or could not be started.
        problem: what went wrong and what to do; None when ok.
        tail: the last part of the output.
        seconds: how long it took.
    """

    ok: bool
    stopped: bool = False
    exit_code: int | None = None
    problem: Text | None = None
    tail: str = ""
    seconds: float = 0.0


def plan_install(
    environment: Environment,
    requirements: Sequence[str],
    report: ProbeReport | None,
    *,
    ask_pip: bool = True,
    extra: Sequence[str] = (),
    stop: threading.Event | None = None,
) -> InstallPlan:
    """Works out the pip command for what is missing, and whether it would replace torch.

    The installed torch and its companions are held by a constraint file. Where pip is new enough it is asked first
    (`--dry-run --report`, which needs the network); only when it says that nothing else is possible does the plan
    let torch be replaced, and then `touches_torch` is set.

    Args:
        environment: where to install.
        requirements: pip requirement strings; those that hold already are left out.
        report: the last probe.
        ask_pip: False skips the dry run.
        extra: more pip options (`--no-index --find-links DIR`).
        stop: ends the dry run.

    Raises:
        CaddieError: a requirement that is none, or no report of a working interpreter.
        OSError: the constraint file cannot be written.
    """
    if report is None or report.problem is not None:
        raise CaddieError(Text("Probe the environment first; it has to answer.", "先に環境を確認してください。応答が必要です。"))
    for line in requirements:
        _parsed(line)
    missing = [line for line in dict.fromkeys(requirements) if not satisfied(line, report)]
    if not missing:
        return InstallPlan(environment=environment, argv=[])
    pip_version = _pip_version(report)
    reinstall = [line for line in missing if _needs_reinstall(line, report)]
    before: list[tuple[str, ...]] = []
    if pip_version is None:
        before.append((_python(environment), "-m", "ensurepip", "--upgrade"))
    if reinstall:
        before.append((*_pip(environment, extra), "--force-reinstall", "--no-deps", *reinstall))
    pinned = _pinned(report)
    constraint = _write_constraint(environment, pinned) if pinned else None
    held = [*_pip(environment, extra), *(["--constraint", str(constraint)] if constraint else []), *missing]
    plan = InstallPlan(environment=environment, argv=held, before=tuple(before), requirements=tuple(missing))
    can_ask = ask_pip and pip_version is not None and pip_version >= _FIRST_PIP_WITH_REPORT
    return _asked(plan, pinned, extra, stop) if can_ask else _unasked(plan, pinned)


def _unasked(plan: InstallPlan, pinned: Mapping[str, str]) -> InstallPlan:
    if "torch" in pinned:
        return _with(
            plan,
            warning=Text(
                f"pip was not asked beforehand what it would do. The installed PyTorch {pinned['torch']} is held fast.",
                f"事前に pip へ確認していません。インストール済みの PyTorch {pinned['torch']} は固定されます。",
            ),
        )
    return _with(plan, touches_torch=True, warning=_torch_comes_along(None))


def _torch_comes_along(version: str | None) -> Text:
    which = f" {version}" if version else ""
    return Text(
        f"PyTorch{which} would be installed along, from pip's own index; on Windows that is a build without GPU support."
        " Better install PyTorch first, as sd-scripts' README says.",
        f"PyTorch{which} も pip の標準の配布元から入ります。Windows では GPU 非対応ビルドになります。"
        "先に sd-scripts の README の手順で PyTorch を入れることをお勧めします。",
    )


def _asked(plan: InstallPlan, pinned: Mapping[str, str], extra: Sequence[str], stop: threading.Event | None) -> InstallPlan:
    """The plan after pip was asked what it would do."""
    answer = _dry_run(plan.environment, plan.argv, stop)
    if answer.installs is not None:
        touched = _touched(answer.installs)
        if not touched:
            return _with(plan, installs=answer.installs)
        return _with(plan, installs=answer.installs, touches_torch=True, warning=_torch_comes_along(dict(touched).get("torch")))
    if pinned and answer.conflict:
        free = [*_pip(plan.environment, extra), *plan.requirements]
        freed = _dry_run(plan.environment, free, stop)
        if freed.installs is not None and (touched := _touched(freed.installs)):
            return _with(plan, argv=free, installs=freed.installs, touches_torch=True, warning=_would_replace(pinned, touched))
    problem = answer.problem or Text("pip gave no answer.", "pip から応答がありません。")
    known = f" PyTorch {pinned['torch']} is held fast." if "torch" in pinned else ""
    known_ja = f"PyTorch {pinned['torch']} は固定されます。" if "torch" in pinned else ""
    warning = Text(
        f"Asked what it would do, pip failed, so the installation will probably fail too: {problem.en}{known}",
        f"事前に pip へ確認したところ失敗したため、インストールも失敗する可能性があります: {problem.ja}{known_ja}",
    )
    return _with(plan, touches_torch="torch" not in pinned, warning=warning)


def _would_replace(pinned: Mapping[str, str], touched: Sequence[tuple[str, str]]) -> Text:
    changes = ", ".join(f"{name} {pinned.get(name, '-')} → {version}" for name, version in touched)
    return Text(
        f"pip can only do this by replacing PyTorch or what belongs to it: {changes}."
        " The new build may have no GPU support, and a training set-up that works today may stop working.",
        f"PyTorch とその関連パッケージを置き換えないと実行できません: {changes}。"
        "新しいビルドは GPU に対応していない場合があり、今動いている学習環境が動かなくなる可能性があります。",
    )


def _with(plan: InstallPlan, **changes: Any) -> InstallPlan:
    return replace(plan, **changes)


def _parsed(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        raise CaddieError(
            Text(f"{line!r} is not something pip can install.", f"{line!r} は pip でインストールできる指定ではありません。")
        ) from error


def _needs_reinstall(line: str, report: ProbeReport) -> bool:
    """Whether the right version is there but broken for another reason than a missing dependency, which pip adds itself."""
    wanted = _parsed(line)
    found = report.packages.get(str(canonicalize_name(wanted.name)))
    if found is None or found.version is None or found.imports is not False:
        return False
    return wanted.specifier.contains(found.version, prereleases=True) and missing_module(found.error) is None


def _pip_version(report: ProbeReport) -> tuple[int, ...] | None:
    found = report.packages.get("pip")
    if found is None or found.version is None:
        return None
    return tuple(int(part) for part in found.version.split(".")[:2] if part.isdigit()) or (0,)


def _pinned(report: ProbeReport) -> dict[str, str]:
    """What must stay: the torch family, with the versions that the metadata names."""
    found = ((name, report.packages.get(name)) for name in _TORCH_FAMILY)
    return {name: package.version for name, package in found if package is not None and package.version}


def _touched(installs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, version) for name, version in installs if name in _TORCH_FAMILY]


def _write_constraint(environment: Environment, pinned: Mapping[str, str]) -> Path:
    path = paths.user_data_dir() / "constraints" / f"{environment.id}.txt"
    lines = [f"{name}=={version}" for name, version in pinned.items()]
    write_atomically(path, "# Held fast by Caddie while it installs packages into this environment.\n" + "\n".join(lines) + "\n")
    return path


def _python(environment: Environment) -> str:
    return str(with_console(environment.python))


def _pip(environment: Environment, extra: Sequence[str]) -> list[str]:
    return [_python(environment), "-m", "pip", "install", *_OPTIONS, *extra]


@dataclass(frozen=True, slots=True)
class _DryRun:
    installs: tuple[tuple[str, str], ...] | None
    problem: Text | None = None
    conflict: bool = False  # no set of versions fits, as against no network, no space, …


def _dry_run(environment: Environment, argv: Sequence[str], stop: threading.Event | None) -> _DryRun:
    """Asks pip what the command would install."""
    with TemporaryDirectory(prefix="caddie-pip-") as folder:
        report = Path(folder) / "report.json"
        position = list(argv).index("install") + 1
        question = [*argv[:position], "--dry-run", "--quiet", "--report", str(report), *argv[position:]]
        result = _run(environment, question, lambda _: None, stop or threading.Event(), limit=_DRY_RUN_SECONDS)
        if not result.ok:
            return _DryRun(None, result.problem, re.search(_CONFLICT, result.tail) is not None)
        try:
            return _DryRun(_read_report(json.loads(report.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError) as error:
            return _DryRun(None, Text(f"pip's report cannot be read ({error}).", f"pip の報告を読めません ({error})。"))


def _read_report(data: object) -> tuple[tuple[str, str], ...]:
    table = cast("dict[str, Any]", data)
    items = [item["metadata"] for item in table["install"]]
    return tuple((str(canonicalize_name(item["name"])), str(item["version"])) for item in items)


def shown(command: Sequence[str], *, windows: bool | None = None) -> str:
    """The command as a person would type it, for reading."""
    return subprocess.list2cmdline(command) if (on_windows() if windows is None else windows) else shlex.join(command)


def run_install(plan: InstallPlan, on_output: Callable[[str], None], stop: threading.Event) -> InstallResult:
    """Runs the plan's commands one after the other; ends at the first that fails. Never raises for a failing pip.

    Args:
        plan: from `plan_install`. Whoever calls has asked, where it touches torch.
        on_output: gets decoded output as it comes, in this thread.
        stop: ends the whole process tree when set.
    """
    started = time.monotonic()
    result = InstallResult(ok=True, exit_code=0)
    for command in plan.commands:
        on_output(f"$ {shown(command)}\n")
        result = _run(plan.environment, command, on_output, stop)
        if not result.ok:
            break
    return InstallResult(
        ok=result.ok,
        stopped=result.stopped,
        exit_code=result.exit_code,
        problem=result.problem,
        tail=result.tail,
        seconds=time.monotonic() - started,
    )


def _run(
    environment: Environment,
    command: Sequence[str],
    on_output: Callable[[str], None],
    stop: threading.Event,
    *,
    limit: float | None = None,
) -> InstallResult:
    variables = child_environment(environment.python)
    variables["PIP_PROGRESS_BAR"] = "off"  # bars are made of carriage returns, which a log cannot show
    ended = run_command(command, variables=variables, on_output=on_output, stop=stop, limit=limit)
    problem = {
        "finished": None if ended.exit_code == 0 else explain_pip(ended.tail, ended.exit_code),
        "stopped": _stopped(),
        "too slow": _too_slow(),
        "not started": ended.problem,
    }[ended.how]
    return InstallResult(ok=ended.ok, stopped=ended.how == "stopped", exit_code=ended.exit_code, tail=ended.tail, problem=problem)


def _stopped() -> Text:
    return Text(
        "The installation was stopped. What was installed so far stays; probe the environment to see it.",
        "インストールを中止しました。そこまでに入ったものは残ります。環境をもう一度確認すると分かります。",
    )


def _too_slow() -> Text:
    return Text("pip gave no answer in time.", "pip から時間内に応答がありませんでした。")
