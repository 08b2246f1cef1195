"""How long it takes to count a large folder: `python tests/benchmarks/dataset_scan.py [--images 100000]`.

Makes that many small images with captions in a folder of its own and counts them as the window and `main.py dataset` do: three
times anew (the second and third with everything in the system's cache, the third while remembering what the images look like), then
twice more from memory. Prints seconds and images per second of each.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PIL import Image

from core.dataset.census import count_images
from core.dataset.memory import LookMemory
from core.job.model import Job
from core.training.data.images import Look, look_at

SIZES = ((512, 768), (768, 512), (640, 640), (1024, 576), (400, 900))
FOLDERS = 20


class _Forgetful:
    """Looks at each image."""

    @contextlib.contextmanager
    def folder(self, folder: str, paths: Sequence[str]) -> Generator[Callable[[str], Look]]:
        """Remembers nothing."""
        yield partial(look_at, whole=False)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=100_000)
    wanted = parser.parse_args().images
    pictures: list[bytes] = []
    for size in SIZES:
        file = io.BytesIO()
        Image.new("RGB", size).save(file, "JPEG", quality=10)
        pictures.append(file.getvalue())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(FOLDERS):
            folder = root / f"{number % 3 + 1}_class{number}"
            folder.mkdir()
            for place in range(wanted // FOLDERS):
                (folder / f"{place}.jpg").write_bytes(pictures[place % len(pictures)])
                (folder / f"{place}.txt").write_bytes(b"a cat, a dog")
        job = Job(
            options={"train_data_dir": str(root), "resolution": "512,512", "enable_bucket": True, "caption_extension": ".txt"}
        )
        memory = LookMemory(root / "looks.sqlite")
        rounds = {"first": _Forgetful(), "second": _Forgetful(), "remembering": memory, "warm": memory, "warm again": memory}
        for round_, looks in rounds.items():
            start, worked = time.perf_counter(), time.process_time()
            census = count_images(job, looks=looks)
            took, worked = time.perf_counter() - start, time.process_time() - worked
            rate = f"{census.images / took:.0f} a second"
            print(f"{round_}: {census.images} images in {took:.1f} s ({worked:.1f} s of the processor), {rate}", flush=True)


if __name__ == "__main__":
    main()
