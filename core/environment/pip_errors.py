"""What pip's failures mean and what to do, from its last lines."""

from __future__ import annotations

import re

from core.text import Text

_KNOWN: tuple[tuple[str, Text], ...] = (
    (
        r"externally-managed-environment",
        Text(
            "This Python belongs to the operating system, which forbids pip to change it."
            " Make a virtual environment (python -m venv) and add that.",
            "この Python は OS が管理しており、pip での変更が禁止されています。"
            "仮想環境を作成し (python -m venv)、それを追加してください。",
        ),
    ),
    (
        r"No space left on device|Errno 28\b|WinError 112\b|not enough space on the disk",
        Text(
            "The disk is full. Free some space (pip cache purge frees pip's downloads) and try again.",
            "ディスクの空き容量がありません。空きを増やして (pip cache purge で pip のキャッシュを消せます) やり直してください。",
        ),
    ),
    (
        r"WinError 32\b|being used by another process",
        Text(
            "A file is in use by another program. Stop every training and program that uses this Python, then try again.",
            "ファイルがほかのプログラムに使われています。この Python を使っている学習やプログラムを終了してからやり直してください。",
        ),
    ),
    (
        r"WinError 5\b|Errno 13\b|Permission denied|Access is denied|アクセスが拒否されました",
        Text(
            "pip may not write into this environment. On Windows a running program often locks the file: close it."
            " Otherwise the folder belongs to another user or the system: use a virtual environment of your own.",
            "この環境に書き込めません。Windows では実行中のプログラムがファイルをロックしていることが多いので終了してください。"
            "それ以外の場合は別のユーザーやシステムのフォルダーです。自分の仮想環境を使ってください。",
        ),
    ),
    (
        r"ResolutionImpossible|conflicting dependencies|Cannot install .* because",
        Text(
            "These packages do not go together with what has to stay as it is (the installed PyTorch). Nothing was changed.",
            "これらのパッケージは、変更しないもの (インストール済みの PyTorch) と両立しません。何も変更していません。",
        ),
    ),
    (
        r"Could not resolve host|Name or service not known|getaddrinfo failed|Temporary failure in name resolution|"
        r"NewConnectionError|ConnectTimeoutError|Failed to establish a new connection|ReadTimeoutError|Network is unreachable|"
        r"Connection refused|ProxyError|ConnectionResetError|Connection aborted",
        Text(
            "pip could not reach the package index. Check the network, the proxy and the firewall, then try again.",
            "pip がパッケージの配布元に接続できませんでした。ネットワーク、プロキシ、ファイアウォールを確認してください。",
        ),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        Text(
            "The secure connection to the package index failed. Check the computer's clock, and a proxy or virus scanner"
            " that opens secure connections.",
            "配布元との安全な接続に失敗しました。パソコンの時計と、通信を検査するプロキシやウイルス対策ソフトを確認してください。",
        ),
    ),
    (
        r"requires? a different Python|Requires-Python|requires Python",
        Text(
            "The package does not support this Python version. sd-scripts goes best with Python 3.10.",
            "このパッケージは、この Python のバージョンに対応していません。sd-scripts には Python 3.10 が適しています。",
        ),
    ),
    (
        r"Microsoft Visual C\+\+ .* is required|error: command .*(gcc|cl\.exe|x86_64-linux-gnu).* failed|"
        r"Failed building wheel|Failed to build",
        Text(
            "The package has no ready-made build for this Python and system, and building it here failed."
            " Another Python version (3.10) often helps.",
            "この Python とシステム向けのビルド済みパッケージがなく、ここでのビルドにも失敗しました。"
            "別のバージョンの Python (3.10) なら入ることがあります。",
        ),
    ),
    (
        r"No matching distribution found|Could not find a version that satisfies",
        Text(
            "The package index has no version of the package that fits this Python, this system and the conditions.",
            "この Python、システム、条件に合うバージョンが配布元にありません。",
        ),
    ),
    (
        r"No module named pip\b|No module named ensurepip",
        Text(
            "This Python has no pip. On Debian and Ubuntu install python3-venv; else install Python from python.org again.",
            "この Python には pip がありません。Debian / Ubuntu では python3-venv を、それ以外では python.org の Python を"
            "インストールし直してください。",
        ),
    ),
    (
        r"OSError: \[Errno 2\].*[\\/].{200,}|filename or extension is too long|WinError 206\b",
        Text(
            "A path became too long for Windows. Move the environment to a short folder such as C:\\ai, or allow long paths.",
            "パスが Windows の上限を超えました。環境を C:\\ai のような短いフォルダーに移すか、長いパスを有効にしてください。",
        ),
    ),
)
"""Searched in this order: what names a cause comes before what only follows from it."""


def explain_pip(output: str, exit_code: int | None) -> Text:
    """A sentence for a failed pip, from the last part of its output."""
    for pattern, text in _KNOWN:
        if re.search(pattern, output, re.IGNORECASE):
            return text
    line = _error_line(output)
    code = "?" if exit_code is None else str(exit_code)
    return Text(
        f"pip failed (exit code {code})" + (f": {line}" if line else "."),
        f"pip が失敗しました (終了コード {code})" + (f": {line}" if line else "。"),
    )


def _error_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR:", "error:"))]
    return (errors or lines or [""])[-1][:300]
