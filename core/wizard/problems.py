"""What the failures of git, downloads and venv mean and what to do. Those of pip are core.environment.pip_errors'."""

from __future__ import annotations

import re

from core.environment.pip_errors import explain_pip
from core.text import Text

_NETWORK = Text(
    "The server could not be reached. Check the network, the proxy and the firewall, then try again; what is done stays done.",
    "サーバーに接続できませんでした。ネットワーク、プロキシ、ファイアウォールを確認してやり直してください。済んだ手順はそのまま残ります。",
)
_FULL = Text(
    "The disk is full. Free some space and try again; what is done stays done.",
    "ディスクの空き容量がありません。空きを増やしてやり直してください。済んだ手順はそのまま残ります。",
)
_GIT: tuple[tuple[str, Text], ...] = (
    (r"No space left on device|not enough space|WinError 112\b|Errno 28\b", _FULL),
    (
        r"Remote branch .* not found|pathspec .* did not match",
        Text(
            "The repository has no such branch or tag.",
            "リポジトリにそのブランチまたはタグがありません。",
        ),
    ),
    (
        r"(proxy|407).*(authentication|required|CONNECT)|CONNECT tunnel failed|Received HTTP code 407",
        Text(
            "The proxy refuses the connection. Give git its address and password: git config --global http.proxy ADDRESS",
            "プロキシに接続を拒否されました。git にアドレスとパスワードを設定してください: git config --global http.proxy アドレス",
        ),
    ),
    (
        r"Could not resolve host|Failed to connect|Connection (timed out|reset|refused)|Network is unreachable|"
        r"early EOF|RPC failed|unexpected disconnect|Name or service not known|getaddrinfo failed",
        _NETWORK,
    ),
    (
        r"SSL certificate problem|CERTIFICATE_VERIFY_FAILED|server certificate verification failed",
        Text(
            "The secure connection failed. Check the computer's clock, and a proxy or virus scanner that opens secure connections.",
            "安全な接続に失敗しました。パソコンの時計と、通信を検査するプロキシやウイルス対策ソフトを確認してください。",
        ),
    ),
    (
        r"Repository not found|does not appear to be a git repository|repository .* does not exist|not found: .*\.git",
        Text("There is no such repository.", "そのリポジトリはありません。"),
    ),
    (
        r"already exists and is not an empty directory",
        Text("The folder is not empty.", "フォルダーが空ではありません。"),
    ),
    (
        r"Permission denied|Access is denied|could not create work tree",
        Text(
            "The folder cannot be written to. Choose one that is your own.",
            "フォルダーに書き込めません。自分のフォルダーを選んでください。",
        ),
    ),
    (
        r"Filename too long|unable to create file .*: No such file",
        Text(
            "A path became too long for Windows. Choose a short folder such as C:\\ai.",
            "パスが Windows の上限を超えました。C:\\ai のような短いフォルダーを選んでください。",
        ),
    ),
)


def explain_git(output: str, exit_code: int | None) -> Text:
    """A sentence for a failed git, from the last part of its output."""
    for pattern, text in _GIT:
        if re.search(pattern, output, re.IGNORECASE | re.DOTALL if "407" in pattern else re.IGNORECASE):
            return text
    lines = [line for line in output.splitlines() if line.startswith(("fatal:", "error:"))] or output.splitlines() or [""]
    return Text(
        f"git failed (exit code {exit_code}): {lines[-1][:300]}",
        f"git が失敗しました (終了コード {exit_code}): {lines[-1][:300]}",
    )


def explain_venv(output: str, exit_code: int | None) -> Text:
    """A sentence for a failed `python -m venv`."""
    if re.search(_GIT[0][0], output, re.IGNORECASE):
        return _FULL
    if "ensurepip" in output:
        return Text(
            "This Python cannot make virtual environments. On Debian and Ubuntu install its package python3-venv.",
            "この Python では仮想環境を作成できません。Debian / Ubuntu では python3-venv パッケージを入れてください。",
        )
    last = (output.strip().splitlines() or ["?"])[-1][:300]
    return Text(
        f"The virtual environment could not be made (exit code {exit_code}): {last}",
        f"仮想環境を作成できませんでした (終了コード {exit_code}): {last}",
    )


def explain_command(argv: tuple[str, ...], output: str, exit_code: int | None) -> Text:
    """A sentence for any command of a step that failed."""
    if argv[0] == "git":
        return explain_git(output, exit_code)
    if argv[1:3] == ("-m", "venv"):
        return explain_venv(output, exit_code)
    return explain_pip(output, exit_code)


def explain_os(error: OSError) -> Text:
    """A sentence for a file that could not be made, moved or removed, or a download that failed."""
    words = f"{error}"
    if getattr(error, "errno", None) == 28 or getattr(error, "winerror", None) == 112:
        return _FULL
    if getattr(error, "winerror", None) == 32:
        return Text(
            f"A file is in use by another program: {error.filename}. Close it and try again.",
            f"ファイルがほかのプログラムに使われています: {error.filename}。終了してからやり直してください。",
        )
    for pattern, text in _GIT[3:5]:
        if re.search(pattern, words, re.IGNORECASE):
            return text
    return Text(words, words)
