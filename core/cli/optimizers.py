"""`optimizers [NAME]`: the quick-reference table, or everything about one entry."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import literal
from core.catalogue.loader import load_catalogue
from core.catalogue.spec import Fact, Knowledge, LrMethod, OptimizerSpec
from core.cli.output import plain, print_facts, print_json, print_table, say
from core.environment.model import OptimizerState, Readiness
from core.errors import CaddieError, nearest
from core.text import Text

METHODS = {
    LrMethod.MANUAL: Text("manual", "手動型"),
    LrMethod.SEMI_AUTOMATIC: Text("semi-automatic", "半自動型"),
    LrMethod.AUTOMATIC: Text("automatic", "自動型"),
}
READINESS = {
    Readiness.READY: Text("ready", "使用可能"),
    Readiness.MISSING: Text("missing", "未インストール"),
    Readiness.TOO_OLD: Text("too old", "古い"),
    Readiness.BROKEN: Text("broken", "破損"),
    Readiness.NEEDS_CUDA: Text("needs CUDA", "要 CUDA"),
    Readiness.UNKNOWN: Text("unknown", "未確認"),
}
_UNKNOWN, _NOT_NEEDED = Text("?", "?"), Text("not needed", "不要")


def run_optimizers(options: Namespace) -> int:
    """Prints the table or one entry."""
    catalogue = load_catalogue()
    specs = [find_optimizer(catalogue, options.name)] if options.name else list(catalogue)
    states = _states(specs, options.environment) if options.environment else None
    if options.json:
        entries = [_entry(spec, states) for spec in specs]
        print_json(entries[0] if options.name else entries)
    elif options.name:
        _print_one(specs[0], states)
    else:
        _print_all(specs, states)
    return 0


def find_optimizer(catalogue: Catalogue, word: str) -> OptimizerSpec:
    """The entry that a person means by its id or its `--optimizer_type`.

    Raises:
        CaddieError: none; names the nearest.
    """
    found = catalogue.find(word) or next((spec for spec in catalogue if spec.id.casefold() == word.casefold()), None)
    if found is None:
        near = nearest(word, (spec.id for spec in catalogue))
        raise CaddieError(
            Text(
                f"There is no optimizer {word!r} in the catalogue." + (f" Did you mean {near}?" if near else ""),
                f"{word!r} というオプティマイザーは登録されていません。" + (f"{near} のことですか?" if near else ""),
            )
        )
    return found


def _states(specs: Sequence[OptimizerSpec], environment_id: str) -> dict[str, OptimizerState]:
    from core.cli.environment import find_environment, store
    from core.environment.check import optimizer_state
    from core.environment.probe import probe

    report = probe(find_environment(store(), environment_id))
    return {spec.id: optimizer_state(spec, report) for spec in specs}


def _entry(spec: OptimizerSpec, states: dict[str, OptimizerState] | None) -> object:
    entry = plain(spec)
    for argument, data in zip(spec.arguments, entry["arguments"], strict=True):
        data["kind"] = {"name": argument.kind.name, **plain(argument.kind)}
        data["default_literal"] = literal(argument.default)
    if states is not None:
        entry["state"] = plain(states[spec.id])
    return entry


def cell(fact: Fact) -> str:
    """One cell of the table in words."""
    if fact.knowledge is Knowledge.KNOWN:
        return say(fact.text) if fact.text is not None else " ".join(fact.links)
    return say(_UNKNOWN if fact.knowledge is Knowledge.UNKNOWN else _NOT_NEEDED)


def _print_all(specs: Sequence[OptimizerSpec], states: dict[str, OptimizerState] | None) -> None:
    headings = [
        Text("category", "カテゴリ"),
        Text("name", "名称"),
        Text("LR method", "Lr方式"),
        Text("start LR", "最初のLr"),
        Text("--optimizer_type", "--optimizer_type"),
        Text("packages", "要インストール"),
        Text("bytes/param", "バイト/パラメータ"),
    ]
    rows: list[list[str]] = []
    for spec in specs:
        row = [
            say(spec.category.name),
            spec.name,
            say(METHODS[spec.lr_method]),
            f"{spec.learning_rate.start:g}",
            spec.optimizer_type,
            ", ".join(need.package + (f">={need.minimum}" if need.minimum else "") for need in spec.requirements)
            or say(_NOT_NEEDED),
            say(_UNKNOWN) if spec.state_bytes is None else f"{spec.state_bytes:g}",
        ]
        rows.append(row + ([say(READINESS[states[spec.id].readiness])] if states else []))
    print_table([say(heading) for heading in headings] + ([say(Text("state", "状態"))] if states else []), rows)


def _print_one(spec: OptimizerSpec, states: dict[str, OptimizerState] | None) -> None:
    print(f"{spec.name}  (--optimizer_type {spec.optimizer_type})\n")
    print(say(spec.summary))
    print(say(spec.pick_when) + "\n")
    facts = [
        (say(Text("LR method", "Lr方式")), say(METHODS[spec.lr_method])),
        (say(Text("start from", "最初の学習率")), f"{spec.learning_rate.start:g}: {say(spec.learning_rate.reason)}"),
        (say(Text("schedulers", "スケジューラ")), say(spec.schedulers.note)),
        (say(Text("home page", "HP")), cell(spec.homepage)),
        (say(Text("background", "背景技術")), cell(spec.background)),
        (say(Text("low precision", "低精度適応")), cell(spec.low_precision)),
        (say(Text("in sd-scripts since", "sd-scripts の対応時期")), cell(spec.since)),
    ]
    if spec.fast is not None:
        name, equals = spec.fast.optimizer_type, spec.fast.equals
        words = Text(f"{name}, the same numbers as {equals}", f"{name} ({equals} と同じ数値)")
        facts.append((say(Text("fast implementation", "高速実装")), say(words)))
    if states is not None:
        state = states[spec.id]
        reason = f": {say(state.reason)}" if state.reason else ""
        facts.append((say(Text("state", "状態")), say(READINESS[state.readiness]) + reason))
    print_facts(facts)
    print()
    print_facts((f"{argument.name} ({argument.show(argument.default)})", say(argument.help)) for argument in spec.arguments)
    for heading, notes in ((Text("Cautions", "注意"), spec.cautions), (Text("Tips", "ヒント"), spec.tips)):
        if notes:
            print("\n" + say(heading))
            for item in notes:
                print(f"- {say(item.text)} [{say(item.source.title)}]")
