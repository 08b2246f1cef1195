"""What the set-up says, in both languages. Kept apart so that the code reads as code."""

from __future__ import annotations

from core.text import Text, preferred_language

WRONG_PYTHON = Text(
    "Caddie needs Python 3.10 to 3.13 (64 bit); this is {version}.\n"
    "Install one of them from https://www.python.org/downloads/ and start Caddie with it.",
    "Caddie には Python 3.10 から 3.13 (64 ビット版) が必要です。これは {version} です。\n"
    "https://www.python.org/downloads/ からインストールして、その Python で起動してください。",
)
FIRST_START = Text(
    "Setting up Caddie in {folder}\nThis happens once and needs the network; it can be interrupted and goes on at the next start.",
    "Caddie を {folder} に準備します。\n最初の一度だけで、ネットワークが必要です。中断しても次の起動で続きから行います。",
)
UPDATING = Text("Adding what this needs to {folder}", "必要なパッケージを {folder} に追加します")
REPAIRING = Text(
    "The environment in {folder} does not work any more; it is made anew.",
    "{folder} の環境が動作しないため、作り直します。",
)
MAKING_VENV = Text("Making the virtual environment", "仮想環境を作成しています")
INSTALLING = Text("Installing {what}", "{what} をインストールしています")
READY = Text("Ready.", "準備ができました。")
WAITING = Text(
    "Another start of Caddie is setting up in the same folder; waiting for it.",
    "別の Caddie が同じフォルダーで準備中です。終わるまで待ちます。",
)
NOT_OURS = Text(
    "{folder} exists and is no virtual environment. Move it away or rename it, then start again.",
    "{folder} は仮想環境ではありません。移動するか名前を変えてから、もう一度起動してください。",
)
NO_VENV_MODULE = Text(
    "This Python cannot make virtual environments (ensurepip is missing). Install it with:\n  {command}",
    "この Python では仮想環境を作成できません (ensurepip がありません)。次のコマンドでインストールしてください。\n  {command}",
)
VENV_FAILED = Text("The virtual environment could not be made:\n{reason}", "仮想環境を作成できませんでした。\n{reason}")
NOT_WRITABLE = Text(
    "Caddie cannot write to its own folder {folder} ({reason}). Put it somewhere you may write, for example your home folder.",
    "Caddie のフォルダー {folder} に書き込めません ({reason})。ホームフォルダーなど、書き込める場所に置いてください。",
)
PIP_FAILED = Text(
    "Installing {what} did not work: {reason}\nWhole log: {log}\nStart Caddie again to go on from here.",
    "{what} をインストールできませんでした: {reason}\nログ全体: {log}\nもう一度起動すると、ここから続けます。",
)
REASON_NETWORK = Text(
    "the package index could not be reached. Check the network or the proxy (HTTPS_PROXY).",
    "パッケージの配布元に接続できません。ネットワークかプロキシ (HTTPS_PROXY) を確認してください。",
)
REASON_SPACE = Text(
    "the disk is full. Caddie needs about 1 GB, with the training packages up to 8 GB.",
    "ディスクの空きがありません。Caddie には約 1 GB、学習用パッケージを含めると最大 8 GB 必要です。",
)
REASON_PERMISSION = Text(
    "a file could not be written (in use by another program, or no permission).",
    "ファイルに書き込めません (ほかのプログラムが使用中か、権限がありません)。",
)
REASON_OTHER = Text("pip says: {line}", "pip の出力: {line}")
UNPINNED = Text(
    "The pinned versions cannot be had here; letting pip choose others. Tested versions are in constraints.txt.",
    "固定バージョンを入手できないため、pip に選ばせます。動作確認済みのバージョンは constraints.txt にあります。",
)
LIBRARIES_MISSING = Text(
    "The window needs system libraries that are not installed: {libraries}\nInstall them with:\n  {command}",
    "ウィンドウに必要なシステムライブラリがありません: {libraries}\n次のコマンドでインストールしてください。\n  {command}",
)
LIBRARIES_UNKNOWN = Text(
    "The window needs system libraries that are not installed: {libraries}\nInstall the packages that hold them.",
    "ウィンドウに必要なシステムライブラリがありません: {libraries}\nこれらを含むパッケージをインストールしてください。",
)
ASK_SUDO = Text("Run this command now? [y/N] ", "このコマンドを今実行しますか? [y/N] ")
LIBRARIES_FAILED = Text("That command failed (exit code {code}).", "コマンドが失敗しました (終了コード {code})。")
NO_DISPLAY = Text(
    "No display here, so no window: running the demo in the terminal instead.",
    "ディスプレイがないため、ウィンドウの代わりにターミナルでデモを実行します。",
)
TORCH_FROM = Text("torch comes from {where}", "torch の入手先: {where}")
WINDOW_FAILED = Text("The window could not be opened: {reason}", "ウィンドウを開けませんでした: {reason}")


def say(text: Text, **values: object) -> str:
    """The text in the language of the system, filled in."""
    return text.format(**values).in_language(preferred_language())
