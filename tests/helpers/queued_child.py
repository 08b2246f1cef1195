"""Stands in for an interpreter with accelerate and sd-scripts: trains nothing, fast, and writes down that it was started.

Called as `queued_child.py -m accelerate.commands.launch … SCRIPT --option value …`. No package is needed.
"""

from __future__ import annotations

import os
import sys
import time


def value_of(words: list[str], name: str, default: str = "") -> str:
    return words[words.index(name) + 1] if name in words else default


def main(words: list[str]) -> int:
    output = value_of(words, "--output_dir")
    name = value_of(words, "--output_name")
    os.makedirs(output, exist_ok=True)
    line = "\t".join((name, os.environ.get("CUDA_VISIBLE_DEVICES", "-"), str(os.getpid()), os.environ["CADDIE_RUN"])) + "\n"
    handle = os.open(os.path.join(output, "started.txt"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, line.encode())
    os.close(handle)
    alone = os.path.join(output, "alone")
    if os.path.isdir(alone):
        os.mkdir(os.path.join(alone, "training"))  # fails where another one does
    total = int(value_of(words, "--max_train_steps", "3"))
    pause = float(os.environ.get("QUEUED_CHILD_PAUSE", "0.02"))
    print("running training / 学習開始", flush=True)
    for step in range(1, total + 1):
        left = int((total - step) * pause)
        time_left = f"{left // 60:02d}:{left % 60:02d}, {1 / pause:.2f}it/s, avr_loss=0.5]"
        sys.stderr.write(f"\rsteps: {100 * step // total:3d}%|##| {step}/{total} [00:00<{time_left}")
        sys.stderr.flush()
        time.sleep(pause)
    if os.path.exists(os.path.join(output, f"{name}.fails")):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if os.path.isdir(alone):
        os.rmdir(os.path.join(alone, "training"))
    with open(os.path.join(output, f"{name}.safetensors"), "wb") as stream:
        stream.write(b"weights")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
