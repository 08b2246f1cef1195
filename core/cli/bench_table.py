"""The table of `bench optimizers`: two lines for a pair, reference and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.cli.output import print_table, say
from core.text import Text, same

Side = Mapping[str, Any]
_MIB = 2**20

_WHO = {"reference": Text("reference", "元の実装"), "ours": Text("Caddie", "Caddie")}
_STATUS = {
    "not-installed": Text("not installed", "未インストール"),
    "not-there": Text("not written yet", "未実装"),
    "failed": Text("failed", "失敗"),
}


def print_bench(document: Mapping[str, Any]) -> None:
    """Prints what was measured, where, and the table."""
    start: Mapping[str, Any] = document["start"]
    rows: Sequence[Mapping[str, Any]] = document["rows"]
    print(say(_where(start)) + "\n")
    lines = [_line(row, who, start) for row in rows for who in _WHO if who in row]
    print_table([say(heading) for heading in _headings(start)], lines)
    for row in rows:
        for who, word in _WHO.items():
            if row.get(who, {}).get("status") == "failed":
                print(f"{_name(row)}, {say(word)}: {row[who]['problem']}")
    print(say(_explained(start)))


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['name']} {row['variant']}".rstrip()


def _where(start: Mapping[str, Any]) -> Text:
    megas, rate = start["parameters"] / 1e6, start["bandwidth"] / 1e9
    threads = f", {start['threads']} thread{'s' if start['threads'] != 1 else ''}" if start["device"] == "cpu" else ""
    threads_ja = f"、{start['threads']} スレッド" if start["device"] == "cpu" else ""
    return Text(
        f"{start['set']}: {start['tensors']} tensors, {megas:.2f} M parameters. {start['device_name']}{threads}, "
        f"torch {start['torch']}; a copy moves {rate:.1f} GB/s.",
        f"{start['set']}: テンソル {start['tensors']} 個、{megas:.2f} M パラメータ。{start['device_name']}{threads_ja}、"
        f"torch {start['torch']}、コピー速度 {rate:.1f} GB/s。",
    )


def _headings(start: Mapping[str, Any]) -> list[Text]:
    estimated = start["device"] == "cpu"
    return [
        Text("optimizer", "オプティマイザー"),
        Text("implementation", "実装"),
        Text("step ms", "ステップ ms"),
        Text("CPU ms", "CPU ms") if estimated else Text("host / kernels ms", "ホスト / カーネル ms"),
        same("× AdamW"),
        Text("faster", "速さ"),
        Text("(medians)", "(中央値の比)"),
        Text("ops", "演算数"),
        Text("kernels (estimate)", "カーネル数 (推定)") if estimated else Text("kernels", "カーネル数"),
        Text("waits", "待ち"),
        same("MiB"),
        Text("copy ms", "コピー ms"),
        Text("× limit", "× 限界"),
        Text("state B/param", "状態 B/パラメータ"),
        Text("step's MiB", "ステップの MiB"),
        Text("first ms (once)", "初回 ms (うち一度きり)"),
    ]


def _line(row: Mapping[str, Any], who: str, start: Mapping[str, Any]) -> list[str]:
    side: Side = row[who]
    name = _name(row)
    version = f" {side['version']}" if side["version"] else ""
    implementation = f"{say(_WHO[who])} ({side['package']}{version})" if who == "reference" else say(_WHO[who])
    if side["status"] != "measured":
        return [name, implementation, say(_STATUS[side["status"]]), *[""] * 13]
    floor = side["floor_bytes_per_parameter"]
    on_cpu = start["device"] == "cpu"
    return [
        name,
        implementation,
        f"{side['step_ms']:.2f}",
        f"{side['process_ms']:.2f}" if on_cpu else f"{side['host_ms']:.2f} / {side['kernel_ms']:.2f}",
        f"{side['relative_cost']:.2f}",
        _times(row["round_ratio"]) if who == "ours" else "",
        _times(row["ratio"]) if who == "ours" else "",
        f"{side['ops']:,}",
        f"{side['launches']:,}",
        f"{side['waits']:,}",
        "" if floor is None else f"{floor * start['parameters'] / _MIB:,.0f}",
        "" if floor is None else f"{side['limit_ms']:.2f}",
        "" if floor is None else f"{side['times_limit']:.1f}",
        f"{side['state_bytes'] / start['parameters']:.2f}",
        f"{side['peak_bytes'] / _MIB:,.1f}",
        f"{side['first_ms']:,.0f} ({side['once_ms']:,.0f})",
    ]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}×"


def _explained(start: Mapping[str, Any]) -> Text:
    clock_en = "processor time of the one thread" if start["clock"] == "process" else "time on the clock"
    clock_ja = "1 スレッドのプロセッサー時間" if start["clock"] == "process" else "実時間"
    ops_en = (
        " Kernels: what torch's operations would launch on CUDA; kernels of Caddie's own are not among ops and kernels."
        if start["device"] == "cpu"
        else ""
    )
    ops_ja = (
        "カーネル数: torch の演算が CUDA で起動するはずの数です。Caddie 独自のカーネルは演算数とカーネル数に含まれません。"
        if start["device"] == "cpu"
        else ""
    )
    return Text(
        f"Ratios are taken from the {clock_en}, round by round (× AdamW: torch's AdamW of the same rounds). MiB: what a "
        "step must move at least; copy ms: how long a copy of as much takes, measured here; × limit: the step beside it. "
        "First: the first step of all; once: what a second fresh optimizer does not pay again (compiling, imports)." + ops_en,
        f"比は{clock_ja}から、ラウンドごとに求めます (× AdamW は同じラウンドの torch AdamW との比)。MiB: 1 ステップで最低限"
        "動かす量です。コピー ms: 同じ量のコピーにかかる時間 (ここで測定) です。× 限界: それに対するステップの時間です。"
        "初回: 最初のステップです。一度きり: 2 個目からはかからない時間 (コンパイル、インポート) です。" + ops_ja,
    )
