"""`python -m core.training.demo FOLDER`: makes FOLDER/model and FOLDER/pictures anew; see docs/demo.md."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch

from core.training.demo.make import Recipe, make_model, make_pictures


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core.training.demo", description=__doc__)
    parser.add_argument("folder", type=Path)
    for name in Recipe.__slots__:
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(Recipe(), name))
    parser.add_argument("--threads", type=int, default=1, help="sums are added in another order with another number")
    parser.add_argument("--keep-vae", action="store_true", help="take the VAE that an earlier call left in the folder")
    parser.add_argument("--pictures-only", action="store_true", help="only draw the pictures of the new concept")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    make_pictures(options.folder / "pictures" / "10_golf flag")
    if not options.pictures_only:
        recipe = Recipe(**{name: getattr(options, name) for name in Recipe.__slots__})
        make_model(options.folder / "model", recipe, keeps_vae=options.keep_vae)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
