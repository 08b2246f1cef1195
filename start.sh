#!/bin/sh
# Opens Caddie. The first start sets it up, in a terminal window where this one is not in a terminal already.
cd "$(dirname "$(readlink -f "$0")")" || exit 1

find_python() {
    for name in python3.13 python3.12 python3.11 python3.10 python3 python; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

say() {
    echo "$1" >&2
    if [ ! -t 2 ]; then
        for tool in "zenity --error --text" "kdialog --error" "xmessage" "notify-send Caddie"; do
            # Splitting is wanted: the tool and its options.
            # shellcheck disable=SC2086
            command -v ${tool%% *} >/dev/null 2>&1 && $tool "$1" && break
        done
    fi
}

python=$(find_python) || {
    say "Caddie needs Python 3.10 to 3.13: https://www.python.org/downloads/ / Caddie には Python 3.10 から 3.13 が必要です。"
    exit 1
}

# Set up already: open the window and let go of this shell.
if [ "${1-}" = "" ] && [ -f .venv/caddie-setup.txt ]; then
    if [ -t 1 ]; then exec "$python" main.py; fi
    nohup "$python" main.py </dev/null >/dev/null 2>&1 &
    exit 0
fi

if [ -t 1 ]; then exec "$python" main.py "$@"; fi
for terminal in x-terminal-emulator gnome-terminal konsole xfce4-terminal kitty xterm; do
    if command -v "$terminal" >/dev/null 2>&1; then
        case "$terminal" in
        gnome-terminal) exec "$terminal" -- "$python" main.py "$@" ;;
        kitty) exec "$terminal" "$python" main.py "$@" ;;
        *) exec "$terminal" -e "$python" main.py "$@" ;;
        esac
    fi
done
exec "$python" main.py "$@"
