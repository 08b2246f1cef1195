"""What became of a wish, in words for a person."""

from __future__ import annotations

from typing import Final

from core.runs.events import Wished
from core.text import Text

_WHY: Final = {
    "not-done": Text("the script did not do it", "スクリプトが実行しませんでした"),
    "no-state": Text(
        "the script wrote weights, but no state to go on from", "重みは保存されましたが、再開用の state が保存されませんでした"
    ),
    "no-prompts": Text(
        "the job names no readable file of prompts (sample_prompts)",
        "読み取れるプロンプトファイル (sample_prompts) がジョブに指定されていません",
    ),
    "no-output": Text("the job names no output folder", "ジョブに出力フォルダーが指定されていません"),
    "no-loop": Text("Caddie does not know this script's training loop", "このスクリプトの学習ループには対応していません"),
    "disk-full": Text(
        "the disk has no room for the weights and the optimizer's state",
        "ディスクの空き容量が、重みとオプティマイザーの state の保存に足りません",
    ),
}

ASKED: Final = {
    "save": Text("Asked to save; it comes after the present step.", "保存を要求しました。現在のステップの後に保存します。"),
    "sample": Text(
        "Asked for sample pictures; they come after the present step.",
        "サンプル画像を要求しました。現在のステップの後に生成します。",
    ),
    "pause": Text("Asked to pause; it holds after the present step.", "一時停止を要求しました。現在のステップの後に停止します。"),
    "go-on": Text("Asked to go on.", "再開を要求しました。"),
}
"""What to say of a wish that nobody has heard yet."""


def why(detail: str) -> Text:
    """Why a wish was not fulfilled: known reasons in words, others as they are."""
    return _WHY.get(detail) or Text(detail, detail)


def wish_words(event: Wished) -> Text:
    """One sentence on what became of a wish."""
    step, name = event.step, event.path.replace("\\", "/").rsplit("/", 1)[-1]
    reason = why(event.detail)
    words = {
        ("save", "heard"): Text(f"Saving after step {step} …", f"ステップ {step} の後に保存します…"),
        ("save", "done"): Text(f"Saved at step {step}: {name}", f"ステップ {step} で保存しました: {name}"),
        ("save", "failed"): Text(f"Not saved: {reason.en}.", f"保存されませんでした。{reason.ja}。"),
        ("sample", "heard"): Text(
            f"Drawing sample pictures after step {step} …", f"ステップ {step} の後にサンプル画像を生成します…"
        ),
        ("sample", "done"): Text(
            f"Sample pictures drawn at step {step}: {name}", f"ステップ {step} でサンプル画像を生成しました: {name}"
        ),
        ("sample", "failed"): Text(f"No sample pictures: {reason.en}.", f"サンプル画像は生成されませんでした。{reason.ja}。"),
        ("pause", "done"): Text(f"Paused after step {step}.", f"ステップ {step} の後で一時停止しました。"),
        ("go-on", "done"): Text(f"Going on after step {step}.", f"ステップ {step} から再開しました。"),
        ("save-then-stop", "heard"): Text(
            f"Saving after step {step}, then stopping …", f"ステップ {step} の後に保存して停止します…"
        ),
        ("save-then-stop", "done"): Text(
            f"Saved at step {step}: {name}. Stopping.", f"ステップ {step} で保存しました: {name}。停止します。"
        ),
        ("save-then-stop", "failed"): Text(
            f"Not saved, so the training goes on: {reason.en}.", f"保存できなかったため、学習を続けています。{reason.ja}。"
        ),
    }
    found = words.get((event.wish, event.stage))
    return found or Text(f"{event.wish}: {event.stage} (step {step})", f"{event.wish}: {event.stage} (ステップ {step})")
