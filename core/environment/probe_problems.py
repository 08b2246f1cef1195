"""Why an interpreter did not answer, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from core.environment.conversation import Conversation
from core.text import Text

_OLDEST = (3, 8)


def not_a_folder(python: Path) -> Text | None:
    """The problem with a path that cannot be an interpreter, seen before anything is started; None when it may be one."""
    if python.is_dir():
        return Text(
            f"{python} is a folder, not an interpreter. Choose the python.exe (on Linux: bin/python) in it.",
            f"{python} はフォルダーです。その中の python.exe (Linux では bin/python) を選んでください。",
        )
    if python.is_file():
        return None
    if python.is_symlink():
        return Text(
            f"{python} points to a Python that was removed. Make the virtual environment again with an installed Python.",
            f"{python} のリンク先の Python は削除されています。インストール済みの Python で仮想環境を作り直してください。",
        )
    return Text(
        f"There is no file {python}. Was the folder moved or deleted? Add the environment again with its new place.",
        f"{python} が見つかりません。フォルダーを移動または削除しませんでしたか? 新しい場所で環境を追加し直してください。",
    )


def explain(python: Path, talk: Conversation, timeout: float) -> Text:
    """One or two sentences for a conversation in which the probe script never said hello."""
    if talk.start_error is not None:
        return _not_startable(python, talk.start_error)
    if talk.end == "stopped":
        return Text("The probe was stopped.", "確認を中止しました。")
    seen = talk.first("python")
    if seen is not None:
        return _answered_as_python(python, talk, ".".join(str(part) for part in seen["version"]), tuple(seen["version"]), timeout)
    if talk.end == "silent":
        return Text(
            f"{python} started but said nothing for {timeout:g} seconds. It hangs, or it is no Python.",
            f"{python} は起動しましたが {timeout:g} 秒間応答がありません。止まっているか、Python ではありません。",
        )
    return _no_python(python, talk)


def _not_startable(python: Path, error: OSError) -> Text:
    if isinstance(error, PermissionError):
        return Text(
            f"{python} may not be started ({error.strerror}). It is not an executable file, or a security program blocks it.",
            f"{python} を実行する権限がありません ({error.strerror})。実行ファイルではないか、セキュリティソフトに"
            "ブロックされています。",
        )
    # WinError 193 and 216 and errno 8 (ENOEXEC): a file of another kind or for another processor.
    return Text(
        f"{python} cannot be started: it is not a program for this system ({error}). Choose python.exe (on Linux: bin/python).",
        f"{python} を起動できません。このシステムの実行ファイルではありません ({error})。python.exe (Linux では bin/python)"
        " を選んでください。",
    )


def _answered_as_python(python: Path, talk: Conversation, version: str, numbers: tuple[int, ...], timeout: float) -> Text:
    if numbers < _OLDEST:
        return Text(
            f"{python} is Python {version}, which is too old. sd-scripts needs Python 3.10 or newer.",
            f"{python} は Python {version} で、古すぎます。sd-scripts には Python 3.10 以降が必要です。",
        )
    if talk.end == "silent":
        return Text(
            f"Python {version} started but then said nothing for {timeout:g} seconds. Is its disk asleep or very slow? Try again.",
            f"Python {version} は起動後 {timeout:g} 秒間応答がありません。ディスクが休止中か、とても遅い可能性があります。"
            "もう一度試してください。",
        )
    return Text(
        f"Python {version} could not run the probe: {_last_line(talk)}. Its installation looks damaged; install it again.",
        f"Python {version} で確認を実行できませんでした: {_last_line(talk)}。インストールが壊れているようです。"
        "入れ直してください。",
    )


def _no_python(python: Path, talk: Conversation) -> Text:
    said = talk.errors
    if "No Python at" in said or "did not find executable" in said:
        return Text(
            f"The virtual environment of {python} lost the Python it was made with ({_last_line(talk)})."
            " Install that Python again, or make the virtual environment anew.",
            f"{python} の仮想環境は、作成元の Python を失っています ({_last_line(talk)})。"
            "その Python を入れ直すか、仮想環境を作り直してください。",
        )
    if "Unknown option: -I" in said:  # Python 2 and the first of 3
        return Text(
            f"{python} is a Python of a very old version. sd-scripts needs Python 3.10 or newer.",
            f"{python} は非常に古いバージョンの Python です。sd-scripts には Python 3.10 以降が必要です。",
        )
    if "Microsoft Store" in said or talk.exit_code == 9009:
        return Text(
            f"{python} only opens the Microsoft Store; no Python is installed behind it. Install Python 3.10 from python.org.",
            f"{python} は Microsoft Store を開くだけで、Python は入っていません。python.org から Python 3.10 を"
            "インストールしてください。",
        )
    if "ModuleNotFoundError: No module named 'encodings'" in said or "init_fs_encoding" in said:
        return Text(
            f"{python} does not find its own standard library: the installation is incomplete or was moved. Install it again.",
            f"{python} は自身の標準ライブラリを見つけられません。インストールが不完全か、移動されています。入れ直してください。",
        )
    detail = _last_line(talk)
    more_en, more_ja = (f" It said: {detail}", f" 出力: {detail}") if detail else ("", "")
    code = "" if talk.exit_code is None else f" (exit code {talk.exit_code})"
    code_ja = "" if talk.exit_code is None else f" (終了コード {talk.exit_code})"
    return Text(
        f"{python} is not a Python: it did not answer as one{code}.{more_en}",
        f"{python} は Python ではないようです。Python としての応答がありません{code_ja}。{more_ja}",
    )


def _last_line(talk: Conversation) -> str:
    lines = [line.strip() for line in talk.errors.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
