"""A preflight's findings in words: for the command line and the window alike."""

from __future__ import annotations

from core.preflight.model import Curve, Ending, Report
from core.text import Text, same

ENDINGS: dict[Ending, Text] = {
    "passed": Text("passed", "合格"),
    "failed": Text("failed", "不合格"),
    "unknown": Text("could not be tried", "テストできません"),
    "stopped": Text("stopped", "中止"),
}
_KIB = 1024


def facts_of(report: Report) -> list[tuple[Text, Text]]:
    """Names and values, in the order in which they are read; what is not known is left out."""
    facts = [(Text("Preflight", "事前テスト"), ENDINGS[report.ending])]
    if report.device:
        where = f"{report.device} ({report.device_name})" if report.device_name else report.device
        facts.append((Text("Device", "デバイス"), same(f"{where}, torch {report.torch}")))
    built = report.built
    if built is not None:
        facts.append((Text("Optimizer", "オプティマイザー"), same(built.name)))
        facts.append((Text("Given arguments", "指定した引数"), same(built.arguments or "-")))
        facts.append(
            (Text("All arguments", "全引数"), same(", ".join(f"{name}={value}" for name, value in built.defaults.items())))
        )
        facts.append((Text("Scheduler", "スケジューラ"), same(built.scheduler or "-")))
        facts.append((Text("Groups", "グループ"), same(groups_line(report))))
        facts += [(Text("sd-scripts warns", "sd-scripts の警告"), same(words)) for words in built.warnings]
    if report.state_bytes is not None:
        facts.append((Text("Optimizer state", "状態のサイズ"), same(bytes_line(report.state_bytes))))
    if report.step_seconds is not None:
        facts.append((Text("Time per step", "1 ステップの時間"), same(f"{report.step_seconds * 1000:.2f} ms")))
    facts.append((Text("Took", "所要時間"), same(f"{report.seconds:.1f} s")))
    if report.error and report.problem is not None and report.error not in report.problem.en:
        facts.append((Text("Error", "エラー"), same(report.error)))
    return facts


def groups_line(report: Report) -> str:
    """Each group with its learning rate and its tensors: `unet: lr 0.0001, 192 tensors`."""
    rates = report.built.rates if report.built is not None else ()
    parts: list[str] = []
    for place, (name, tensors) in enumerate(zip(report.groups, report.tensors, strict=True)):
        rate = rates[place] if place < len(rates) else None
        parts.append(f"{name}: lr {'-' if rate is None else f'{rate:g}'} × {tensors}")
    return "; ".join(parts)


def bytes_line(count: int) -> str:
    """A size for people."""
    return f"{count / _KIB**2:.1f} MiB" if count >= _KIB**2 else f"{count / _KIB:.1f} KiB"


def stride_note(curve: Curve, total: int) -> Text:
    """Which of the job's steps the curves took."""
    if curve.ended_early:
        last = curve.steps[-1] + 1 if curve.steps else 0
        return Text(f"Time was up after step {last} of {total}.", f"時間切れのため、{total} ステップ中 {last} ステップまでです。")
    if curve.stride > 1:
        return Text(
            f"A small problem; one step stands for {curve.stride} of the {total}, with the learning rate of each.",
            f"小さな問題での計算です。全 {total} ステップのうち {curve.stride} ステップごとに 1 回だけ更新し、"
            "学習率はそのステップの値を使っています。",
        )
    return Text(f"A small problem, all {total} steps.", f"小さな問題で、全 {total} ステップを計算しています。")
