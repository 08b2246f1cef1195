"""A child that tells its steps as the companion does, some ten thousand bytes in all: `telling_child.py STEPS PAUSE WEIGHTS`.

Run by the companion itself, whose last word says how it ended. No package is needed.
"""

import json
import os
import sys
import time

steps, pause, weights = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
file = os.open(os.environ["CADDIE_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def tell(event: str, **values: object) -> None:
    os.write(file, (json.dumps({"event": event, "time": time.time(), **values}) + "\n").encode())


tell("started", optimizer="torch.optim.AdamW", total_steps=steps)
for step in range(1, steps + 1):
    tell("step", step=step, loss=1.0 / step, grad_norm=0.123456789)
    time.sleep(pause)
os.makedirs(os.path.dirname(weights), exist_ok=True)
with open(weights, "wb") as stream:
    stream.write(b"weights")
tell("saved", step=steps, path=weights, kind="weights")
