"""How a preflight ended, why, and what to do about it."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

from core.environment.conversation import Conversation
from core.environment.probe_problems import explain as explain_silence
from core.preflight.model import Report
from core.runs.explain import explain
from core.text import Text

_PARTS = {
    "torch": Text("importing PyTorch", "PyTorch の読み込み"),
    "gpu": Text("looking for the GPU", "GPU の確認"),
    "trainer": Text("reading the trainer's code", "学習コードの読み込み"),
    "build": Text("importing and building the optimizer", "オプティマイザーの読み込みと作成"),
    "step": Text("taking a step", "ステップの実行"),
    "curves": Text("drawing the curves", "曲線の計算"),
    "sweep": Text("drawing the curves", "曲線の計算"),
}
_START = Text("starting", "起動")


def part_name(step: str) -> Text:
    """What a part of the preflight is called."""
    return _PARTS.get(step, _START)


def no_trainer(checkout: Path | None) -> Text:
    """That there is no code of sd-scripts to build the optimizer with."""
    where = checkout or "-"
    return Text(
        f"The optimizer cannot be tried beforehand: there is no library/train_util.py of sd-scripts in {where}.",
        f"{where} に sd-scripts の library/train_util.py がないため、事前テストを行えません。",
    )


def judge(report: Report, talk: Conversation, python: Path, timeout: float, *, trial: bool) -> Report:
    """The report with its end: passed, failed with a reason, not possible to try, or stopped.

    Args:
        report: what was said.
        talk: the conversation with the child.
        python: the interpreter.
        timeout: the longest silence that was allowed, in seconds.
        trial: whether two steps were asked for, and not curves alone.
    """
    if talk.end == "stopped":
        return replace(report, ending="stopped", problem=Text("The preflight was stopped.", "事前テストを中止しました。"))
    if talk.first("hello") is None:
        return replace(report, ending="failed", problem=explain_silence(python, talk, timeout))
    failed = talk.first("failed")
    if failed is not None:
        return _with_error(report, talk, failed["error"], failed["ja"], failed["trace"])
    strange = talk.first("unknown-form")
    if strange is not None:
        text = Text(
            f"This sd-scripts cannot be tried beforehand, because its code has another form than Caddie knows: {strange['error']}",
            f"この sd-scripts のコードは Caddie の知らない形のため、事前テストを行えません: {strange['error']}",
        )
        return replace(report, ending="unknown", problem=text)
    if talk.end != "done":
        return _broken_off(report, talk, timeout)
    return _of_steps(report, talk) if trial else report


def _with_error(report: Report, talk: Conversation, line: str, line_ja: str, trace: str) -> Report:
    known = explain(line, [*talk.errors.splitlines(), *trace.splitlines()])
    if known is not None:
        meaning, advice = known
        return replace(report, ending="failed", problem=meaning, advice=advice, error=line, trace=trace)
    if line_ja:  # Caddie's own sentence, which needs no explanation
        words = line.partition(": ")[2] or line
        return replace(report, ending="failed", problem=Text(words, line_ja), error=line, trace=trace)
    part = part_name(talk.step)
    text = Text(
        f"The optimizer cannot be used like this. While {part.en}: {line}",
        f"この設定ではオプティマイザーを使用できません。{part.ja}中のエラー: {line}",
    )
    return replace(report, ending="failed", problem=text, error=line, trace=trace)


def _broken_off(report: Report, talk: Conversation, timeout: float) -> Report:
    part = part_name(talk.step)
    said = talk.errors.strip().splitlines()
    last = said[-1][:300] if said else ""
    if talk.end == "silent":
        text = Text(
            f"Nothing happened for {timeout:g} seconds while {part.en}; it hangs.",
            f"{part.ja}中に {timeout:g} 秒間応答がなく、止まっています。",
        )
        advice = Text(
            "Try again once; the first start of PyTorch can be slow. If it stays so, install the optimizer's package again.",
            "PyTorch の初回起動は遅いことがあるため、もう一度試してください。改善しない場合は、オプティマイザーのパッケージを入れ直してください。",
        )
    elif talk.end == "flooded":
        text = Text(f"It printed without end while {part.en}.", f"{part.ja}中に出力が止まらなくなりました。")
        advice = None
    else:
        how = _code(talk.exit_code)
        text = Text(
            f"Python crashed while {part.en} ({how}). A training would crash in the same way.",
            f"{part.ja}中に Python がクラッシュしました ({how})。学習も同じように落ちます。",
        )
        advice = Text(
            "A compiled part of a package does not fit this computer, its driver or its PyTorch. Install the package again, in "
            "the version that sd-scripts names.",
            "パッケージのコンパイル済み部分が、この PC、ドライバー、または PyTorch に合っていません。sd-scripts が指定するバージョンで"
            "パッケージを入れ直してください。",
        )
    return replace(report, ending="failed", problem=text, advice=advice, error=last)


def _code(code: int | None) -> str:
    if code is None:
        return "?"
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return str(code)
    return f"exit code {code}" if code < 0x80000000 else f"0x{code:08X}"


def _of_steps(report: Report, talk: Conversation) -> Report:
    stepped = talk.first("stepped")
    assert stepped is not None, "a trial that is done has taken its steps"
    bad = [name for name, good in zip(report.groups, stepped["finite"], strict=True) if not good]
    if bad:
        return _not_finite(report, ", ".join(bad))
    # A rate of 0 moves nothing, which may be meant: a group that is to stay as it is.
    rates = stepped["rates"]
    moved = list(zip(report.groups, stepped["moved"], strict=True))
    still = [name for place, (name, count) in enumerate(moved) if count == 0 and (place >= len(rates) or rates[place] != 0)]
    if len(still) == len(moved) and moved:
        return _not_moved(report)
    if still:
        return _not_moved(report, ", ".join(still))
    if moved and not any(count for _, count in moved):
        text = Text(
            "The learning rate is 0, so no weight moves.",
            "学習率が 0 のため、重みがまったく変化しません。",
        )
        advice = Text("Set a learning rate above 0.", "0 より大きい学習率を指定してください。")
        return replace(report, ending="failed", problem=text, advice=advice)
    return report


def _not_finite(report: Report, groups: str) -> Report:
    text = Text(
        f"After {report.steps} steps with ordinary gradients, weights are NaN or infinite ({groups}).",
        f"通常の勾配で {report.steps} ステップ進めただけで、重みが NaN または無限大になりました ({groups})。",
    )
    advice = Text(
        "Lower the learning rate, look at the optimizer's arguments (eps, betas), and leave full_fp16 off.",
        "学習率を下げ、オプティマイザーの引数 (eps、betas など) を見直し、full_fp16 はオフにしてください。",
    )
    return replace(report, ending="failed", problem=text, advice=advice)


def _not_moved(report: Report, groups: str = "") -> Report:
    which, which_ja = (f" of {groups}", f"{groups} の") if groups else ("", "")
    text = Text(
        f"After {report.steps} steps no weight{which} has moved: nothing would be learned.",
        f"{report.steps} ステップ進めても{which_ja}重みがまったく変化しません。このままでは何も学習されません。",
    )
    advice = Text(
        "Raise the learning rate, shorten the warm-up, or use a higher precision than full_bf16 and full_fp16.",
        "学習率を上げるか、ウォームアップを短くするか、full_bf16 や full_fp16 より高い精度を使用してください。",
    )
    return replace(report, ending="failed", problem=text, advice=advice)
