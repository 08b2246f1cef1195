"""Children that behave badly, for tests of the run machinery. `bad_child.py MODE [ARGUMENTS]`. No package is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time


def bar(step: int, total: int, loss: str) -> None:
    """Two redraws a step, as tqdm writes them for sd-scripts; the first still shows the loss of the step before."""
    text = f"\rsteps: {100 * step // total:3d}%|###   | {step}/{total} [00:{step:02d}<00:10, 10.00it/s, avr_loss={loss}]"
    sys.stderr.write(text * 2)
    sys.stderr.flush()


def train(steps: int, total: int, loss: str = "0.5", pause: float = 0.0) -> None:
    print("running training / 学習開始", flush=True)
    for step in range(1, steps + 1):
        bar(step, total, loss)
        time.sleep(pause)


def ignore_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main(mode: str, arguments: list[str]) -> int:  # noqa: PLR0912 - a list of modes
    if mode == "dies-at-once":
        raise ValueError("no such thing: 値がありません")
    if mode == "dies-after":
        train(int(arguments[0]), 20)
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if mode == "launcher":  # as accelerate: a failure of the child becomes 1 and a traceback with the whole command
        command = [sys.executable, __file__, *arguments, "--wandb_api_key", "very-secret-key"]
        code = subprocess.call(command)
        if code:
            raise subprocess.CalledProcessError(code, command)
    elif mode == "million-lines":
        line = "".join(f"line {number:07d} of a talkative script\n" for number in range(1000))
        for _ in range(1000):
            sys.stdout.write(line)
        train(2, 2)
        print("\nthe last line")
    elif mode == "ignores-terminate":
        ignore_signals()
        train(1000, 1000, pause=0.05)
    elif mode == "grandchildren":
        ignore = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
        subprocess.Popen([sys.executable, "-c", ignore])
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
        orphan = "import subprocess,sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)"
        subprocess.run([sys.executable, "-c", orphan], check=True)
        train(int(arguments[0]), int(arguments[0]), pause=0.05)
    elif mode == "slow":
        train(10_000, 10_000, pause=0.05)
    elif mode == "loads-for-ever":
        print("loading model", flush=True)
        time.sleep(300)
    elif mode == "not-utf8":
        os.write(1, "学習".encode("cp932") + b"\n" + "学習\n".encode() + b"\xff\xfe bytes \xe5\n")
        train(2, 2)
    elif mode == "split-utf8":
        for byte in "一文字ずつ🙂\n".encode():
            os.write(1, bytes([byte]))
            time.sleep(0.002)
        train(2, 2)
    elif mode == "nan":
        train(5, 5, loss="nan")
    elif mode == "no-data":
        sys.stderr.write(
            "2026-11-22 12:15:31 ERROR    No data found. Please verify arguments (train_data_dir must be the parent)\n"
        )
    elif mode == "ends-early":
        train(3, 10)
    elif mode == "fine":
        train(3, 3, pause=0.05)
        if arguments:
            os.makedirs(os.path.dirname(arguments[0]), exist_ok=True)
            with open(arguments[0], "wb") as stream:
                stream.write(b"weights")
    elif mode == "environment":
        for name in sorted(os.environ):
            print(f"{name}={os.environ[name]}")
        print("SIGINT", signal.getsignal(signal.SIGINT), "stdin", sys.stdin.read() == "")
        train(1, 1)
    else:
        raise SystemExit(f"no mode {mode}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
