"""What a queue does at the moment, in sentences."""

from __future__ import annotations

from core.queue.model import Snapshot
from core.text import Text


def queue_words(snapshot: Snapshot) -> tuple[Text, ...]:
    """How the queue goes on, the most important first; at least one sentence."""
    found = [text for text in (snapshot.trouble, snapshot.control.problem, _state(snapshot)) if text is not None]
    last = snapshot.find(snapshot.control.stop_after) if snapshot.control.stop_after is not None else None
    if last is not None and not snapshot.control.paused:
        found.append(
            Text(f"The queue pauses when “{last.name}” is over.", f"「{last.name}」が終わると、キューは一時停止します。")
        )
    return tuple(found)


def _state(snapshot: Snapshot) -> Text:
    waiting, training = len(snapshot.waiting), len(snapshot.under_way)
    if snapshot.control.paused:
        if training:
            return Text(
                f"Paused: what trains goes on, the {waiting} waiting are not started.",
                f"一時停止中です。学習中のジョブは続きますが、待機中の {waiting} 件は開始しません。",
            )
        return Text(f"Paused, {waiting} waiting.", f"一時停止中です (待機 {waiting} 件)。")
    if not snapshot.entries:
        return Text("The queue is empty.", "キューは空です。")
    if snapshot.waits_for and waiting and not training:
        names = ", ".join(snapshot.waits_for)
        return Text(
            f"Waits for a training that was started outside the queue: {names}",
            f"キューの外で開始された学習が終わるのを待っています: {names}",
        )
    if snapshot.driven:
        return Text(f"{training} training, {waiting} waiting.", f"学習中 {training} 件、待機 {waiting} 件。")
    if training:
        return Text(
            f"{training} training. The {waiting} waiting are not started before the queue is.",
            f"学習中 {training} 件。キューを開始するまで、待機中の {waiting} 件は開始しません。",
        )
    if waiting:
        return Text(
            f"{waiting} waiting, and the queue does not run. Nothing starts by itself.",
            f"待機 {waiting} 件。キューは動いていません。自動では開始しません。",
        )
    return Text("Nothing waits.", "待機中のジョブはありません。")


def duration(seconds: float) -> Text:
    """A span of time, two units long."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return Text(f"{hours} h {minutes:02d} min", f"{hours} 時間 {minutes:02d} 分")
    if minutes:
        return Text(f"{minutes} min {whole % 60:02d} s", f"{minutes} 分 {whole % 60:02d} 秒")
    return Text(f"{whole} s", f"{whole} 秒")
