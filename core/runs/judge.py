"""How a run ended, from everything it left. A pure function: the exit code is one witness among several.

sd-scripts ends with 0 when it found no data, and when every loss was NaN; accelerate ends with 1 for any failure. So
the steps, the loss, the files and the companion's last word are heard as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.runs.explain import explain
from core.runs.log_errors import find_error, hide_secrets, tail_of
from core.runs.outcome import Ending, Outcome
from core.text import Text

_DISK_FULL = (
    Text(
        "The disk of Caddie's data folder is full. The training writes its log there, so it could not even say why it ended.",
        "Caddie のデータフォルダーがあるディスクの空き容量がありません。学習のログもそこに書かれるため、終了の理由も記録できませんでした。",
    ),
    Text(
        "Free some space on that disk, or move the folder with CADDIE_HOME, then start again.",
        "そのディスクの空き容量を増やすか、CADDIE_HOME でフォルダーを移してから、もう一度開始してください。",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a run that is over.

    Attributes:
        exit_code: of the launched command; None where nobody saw it.
        how: the companion's last word: `returned`, `raised`, `stopped`, or "" where it said none.
        raised: `TypeName: message` that ended the script, from the companion.
        stop_requested: somebody asked for a stop while it ran.
        steps, total_steps: done and asked for.
        last_loss: of the last step, None where unknown.
        first_nan: the first step whose loss was NaN, None where there was none.
        lines: the end of the log, clean.
        files: weights that were written and are there.
        expects_files: whether a whole training would have written some.
        trouble: what the supervisor itself could not do, for example start the command.
        disk_full: no space is left where the log and the events are written; then even the error could not be.
        started_at, ended_at: seconds since the epoch.
    """

    exit_code: int | None
    how: str = ""
    raised: str = ""
    stop_requested: bool = False
    steps: int = 0
    total_steps: int | None = None
    last_loss: float | None = None
    first_nan: int | None = None
    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    expects_files: bool = True
    trouble: Text | None = None
    disk_full: bool = False
    started_at: float | None = None
    ended_at: float | None = None


def judge(evidence: Evidence) -> Outcome:
    """The outcome that the evidence allows."""
    ending, sentence, guilty = _ending(evidence)
    error = _error_line(evidence) if guilty else ""
    known = explain(error, evidence.lines) if guilty else None
    if guilty and evidence.trouble is None and _loss_is_lost(evidence) and not error:
        known = _NAN_ADVICE
    if guilty and known is None and evidence.disk_full:
        known = _DISK_FULL
    return Outcome(
        ending=ending,
        sentence=sentence,
        explanation=None if known is None else known[0],
        advice=None if known is None else known[1],
        exit_code=evidence.exit_code,
        error=error,
        tail=tail_of(evidence.lines),
        steps=evidence.steps,
        total_steps=evidence.total_steps,
        files=evidence.files,
        started_at=evidence.started_at,
        ended_at=evidence.ended_at,
    )


def _ending(seen: Evidence) -> tuple[Ending, Text, bool]:
    """The ending, its sentence, and whether an error is to be named."""
    if seen.trouble is not None:
        return Ending.FAILED, seen.trouble, True
    if seen.how == "returned" and _is_whole(seen):
        return _whole(seen)
    if seen.stop_requested and seen.how != "raised":
        return Ending.STOPPED, _stopped(seen), False
    if seen.how == "stopped":
        return Ending.STOPPED, _stopped(seen), False
    if seen.how == "raised":
        return Ending.FAILED, _failed(seen), True
    if seen.exit_code is None and seen.how == "":
        return Ending.LOST, _lost(seen), True
    if seen.exit_code not in (0, None):
        return Ending.FAILED, _failed(seen), True
    return _ended_quietly(seen)


def _is_whole(seen: Evidence) -> bool:
    done = seen.steps > 0 and (seen.total_steps is None or seen.steps >= seen.total_steps)
    return done and not _loss_is_lost(seen) and (bool(seen.files) or not seen.expects_files)


def _loss_is_lost(seen: Evidence) -> bool:
    return seen.last_loss is not None and math.isnan(seen.last_loss)


def _whole(seen: Evidence) -> tuple[Ending, Text, bool]:
    en = f"The training did all of its {seen.steps} steps."
    ja = f"学習は {seen.steps} ステップすべてを終えました。"
    if seen.files:
        en += f" Saved: {_names(seen)}."
        ja += f"保存先: {_names(seen)}。"
    if seen.exit_code not in (0, None):
        en += f" The process then ended with code {seen.exit_code} while closing."
        ja += f"その後の終了処理で、プロセスがコード {seen.exit_code} で終わりました。"
    return Ending.FINISHED, Text(en, ja), False


def _names(seen: Evidence) -> str:
    last = seen.files[-1].replace("\\", "/").rsplit("/", 1)[-1]
    return last if len(seen.files) == 1 else f"{last} (+{len(seen.files) - 1})"


def _of_total(seen: Evidence) -> tuple[str, str]:
    if seen.total_steps is None:
        return f"step {seen.steps}", f"{seen.steps} ステップ"
    return f"step {seen.steps} of {seen.total_steps}", f"{seen.steps} / {seen.total_steps} ステップ"


def _stopped(seen: Evidence) -> Text:
    if seen.steps == 0:
        return Text("Stopped before the first step.", "最初のステップの前に停止しました。")
    en, ja = _of_total(seen)
    kept_en = f" Already saved: {_names(seen)}." if seen.files else " Nothing had been saved yet."
    kept_ja = f"保存済み: {_names(seen)}。" if seen.files else "保存されたファイルはまだありません。"
    return Text(f"Stopped at {en}.{kept_en}", f"{ja}で停止しました。{kept_ja}")


def _failed(seen: Evidence) -> Text:
    how_en, how_ja = _exit(seen.exit_code)
    if seen.steps == 0:
        return Text(f"Failed before the first step{how_en}.", f"最初のステップの前に失敗しました{how_ja}。")
    en, ja = _of_total(seen)
    return Text(f"Failed at {en}{how_en}.", f"{ja}で失敗しました{how_ja}。")


def _exit(code: int | None) -> tuple[str, str]:
    if code is None:
        return "", ""
    if code < 0:
        return f" (ended by signal {-code})", f" (シグナル {-code} で終了)"
    if code > 0xFFFF:  # Windows: an NTSTATUS such as 0xC0000005
        return f" (exit code 0x{code & 0xFFFFFFFF:08X})", f" (終了コード 0x{code & 0xFFFFFFFF:08X})"
    return f" (exit code {code})", f" (終了コード {code})"


def _lost(seen: Evidence) -> Text:
    en, ja = _of_total(seen)
    if seen.steps == 0:
        return Text(
            "The training is gone and nobody saw how it ended (shut down or killed?). No step had been done.",
            "学習プロセスが消えており、終わり方は不明です (シャットダウンや強制終了など)。ステップは実行されていません。",
        )
    return Text(
        f"The training is gone and nobody saw how it ended (shut down or killed?). The last that is known is {en}.",
        f"学習プロセスが消えており、終わり方は不明です (シャットダウンや強制終了など)。最後の記録は {ja}です。",
    )


def _ended_quietly(seen: Evidence) -> tuple[Ending, Text, bool]:
    """Exit code 0, or a script that returned: what did it really do?"""
    en, ja = _of_total(seen)
    if seen.steps == 0:
        sentence = Text(
            "The script ended without an error code, but did not train a single step.",
            "スクリプトはエラーコードなしで終了しましたが、1 ステップも学習していません。",
        )
        return Ending.FAILED, sentence, True
    if _loss_is_lost(seen):
        since = f" since step {seen.first_nan}" if seen.first_nan else ""
        since_ja = f" (ステップ {seen.first_nan} から)" if seen.first_nan else ""
        sentence = Text(
            f"The loss is NaN{since}: the saved weights are useless.",
            f"loss が NaN になりました{since_ja}。保存された重みは使えません。",
        )
        return Ending.FAILED, sentence, True
    if seen.total_steps is not None and seen.steps < seen.total_steps:
        sentence = Text(
            f"The script ended early, at {en}, without an error code.",
            f"スクリプトはエラーコードなしで {ja}で終了しました (途中終了)。",
        )
        return Ending.FAILED, sentence, True
    if seen.expects_files and not seen.files:
        sentence = Text(
            f"The training did {seen.steps} steps, but no file of weights was found.",
            f"学習は {seen.steps} ステップを終えましたが、重みのファイルが見つかりません。",
        )
        return Ending.FAILED, sentence, True
    return _whole(seen)


def _error_line(seen: Evidence) -> str:
    found = find_error(seen.lines)
    kind = seen.raised.split(":", 1)[0]
    if kind == "SystemExit":  # says only the code; what was printed before it says why
        return found or seen.raised
    return found if not kind or kind in found else hide_secrets(seen.raised.splitlines()[0])


_NAN_ADVICE = (
    Text(
        "A NaN loss never comes back: from that step on every weight is NaN.",
        "一度 NaN になった loss は元に戻らず、それ以降は重みもすべて NaN になります。",
    ),
    Text(
        "Lower the learning rate, use bf16 instead of fp16, and try --no_half_vae where an SDXL VAE is involved.",
        "学習率を下げる、fp16 の代わりに bf16 を使う、SDXL の VAE であれば --no_half_vae を指定する、などを試してください。",
    ),
)
