"""Writes data.json and data_*.npz: what sd-scripts itself makes of image sizes, captions and caches.

Run in an environment that has sd-scripts' requirements: `python tests/golden/make_data.py --checkout PATH_TO_SD_SCRIPTS`.
Made with kohya-ss/sd-scripts at 48d368f.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TABLES = [
    # resolution, min, max, steps
    [[512, 512], 256, 1024, 64],
    [[768, 512], 320, 960, 64],
    [[1024, 1024], 512, 2048, 64],
    [[1024, 1024], 256, 1024, 32],
    [[832, 1216], 256, 1536, 8],
    [[64, 64], 64, 64, 64],
    [[1000, 700], 128, 1100, 64],
]
PLACED = [
    # resolution, min, max, steps, no_upscale
    [[512, 512], 256, 1024, 64, False],
    [[512, 512], 256, 1024, 64, True],
    [[1024, 1024], 512, 2048, 64, False],
    [[1024, 1024], 512, 2048, 32, True],
    [[768, 512], 320, 960, 64, False],
    [[64, 96], 32, 128, 8, True],
]
SIZES = [
    [64, 64], [65, 129], [100, 100], [511, 513], [512, 512], [640, 360], [333, 1000], [1920, 1080], [1080, 1920], [4000, 3000],
    [3024, 4032], [1536, 640], [704, 1408], [1024, 1024], [1025, 1023], [768, 1152], [900, 64], [7000, 211], [96, 64], [719, 1283],
]  # fmt: skip

PLAIN: dict[str, Any] = {
    "caption_prefix": None,
    "caption_suffix": None,
    "caption_dropout_rate": 0.0,
    "caption_dropout_every_n_epochs": 0,
    "enable_wildcard": False,
    "shuffle_caption": False,
    "token_warmup_min": 1,
    "token_warmup_step": 0,
    "caption_tag_dropout_rate": 0.0,
    "keep_tokens": 0,
    "keep_tokens_separator": "",
    "caption_separator": ",",
    "secondary_separator": None,
}
TAGS = "1girl, solo,  long hair , , blue eyes,smile,青い目, a (b:1.2)"
CAPTIONS: list[tuple[str, dict[str, Any]]] = [
    (TAGS, {}),
    (TAGS, {"shuffle_caption": True}),
    (TAGS, {"shuffle_caption": True, "keep_tokens": 2}),
    (TAGS, {"shuffle_caption": True, "keep_tokens": 99}),
    ("a, b ||| c, d, , e ||| f, g", {"shuffle_caption": True, "keep_tokens_separator": "|||"}),
    ("a, b ||| c, d, e", {"shuffle_caption": True, "keep_tokens_separator": "|||", "keep_tokens": 1}),
    ("a, b, c, d", {"shuffle_caption": True, "keep_tokens_separator": "|||", "keep_tokens": 1}),
    ("a ||| b ||| c ||| d, e", {"caption_tag_dropout_rate": 0.5, "keep_tokens_separator": "|||"}),
    (TAGS, {"caption_tag_dropout_rate": 0.5}),
    (TAGS, {"caption_tag_dropout_rate": 0.5, "shuffle_caption": True, "keep_tokens": 1}),
    (TAGS, {"caption_dropout_rate": 0.5, "shuffle_caption": True}),
    (TAGS, {"caption_dropout_rate": 1.0}),
    (TAGS, {"caption_dropout_every_n_epochs": 2, "caption_dropout_rate": 0.3}),
    (TAGS, {"caption_prefix": "best quality,", "caption_suffix": ", masterpiece", "shuffle_caption": True, "keep_tokens": 1}),
    ("a;;;b, c;;;d", {"secondary_separator": ";;;", "shuffle_caption": True}),
    ("a;b;c;d", {"caption_separator": ";", "shuffle_caption": True}),
    ("a;b|c;d", {"caption_separator": ";", "secondary_separator": "|"}),
    ("{a|b|c} {{x}} {d|e|}, {f}", {"enable_wildcard": True}),
    ("one {a|b}\ntwo {c|d}, x, y\n三 {}", {"enable_wildcard": True, "shuffle_caption": True}),
    ("one\ntwo", {}),
    ("⦅a⦆ {{b}} {c|d}", {"enable_wildcard": True}),
    (TAGS, {"token_warmup_step": 10, "token_warmup_min": 2}),
    (TAGS, {"token_warmup_step": 0.5, "shuffle_caption": True, "keep_tokens": 1}),
    ("a, b", {"token_warmup_step": 100, "token_warmup_min": 5}),
    ("", {"shuffle_caption": True, "caption_prefix": "x"}),
    ("", {"caption_tag_dropout_rate": 0.5}),
]
MOMENTS = [(1, 0, 40), (2, 7, 40), (3, 25, 40)]


def bucket_tables(model_util: Any) -> list[dict[str, Any]]:
    return [
        {"settings": [size, least, most, steps], "sizes": model_util.make_bucket_resolutions(tuple(size), least, most, steps)}
        for size, least, most, steps in TABLES
    ]


def placings(train_util: Any) -> list[dict[str, Any]]:
    found = []
    for size, least, most, steps, no_upscale in PLACED:
        manager = train_util.BucketManager(no_upscale, tuple(size), least, most, steps)
        if not no_upscale:
            manager.make_buckets()
        for image in SIZES:
            try:
                bucket, scaled, _ = manager.select_bucket(*image)
                edges = manager.get_crop_ltrb(bucket, tuple(image)) if min(bucket) else None
            except ZeroDivisionError:
                continue  # it divides by a bucket of no width
            if edges is not None:
                place = {"bucket": bucket, "scaled": scaled, "edges": edges}
                found.append({"settings": [size, least, most, steps, no_upscale], "image": image, **place})
    return found


def captions(train_util: Any) -> list[dict[str, Any]]:
    found = []
    for number, ((caption, said), moment) in enumerate(itertools.product(CAPTIONS, MOMENTS)):
        for seed in (number, number + 1000):
            dataset = SimpleNamespace(current_epoch=moment[0], current_step=moment[1], max_train_steps=moment[2], replacements={})
            random.seed(seed)
            subset = SimpleNamespace(**copy.deepcopy({**PLAIN, **said}))
            made = train_util.BaseDataset.process_caption(dataset, subset, caption)
            found.append({"caption": caption, "settings": said, "moment": moment, "seed": seed, "made": made})
    return found


def splits(train_util: Any) -> list[dict[str, Any]]:
    found = []
    for count, share, seed in ((10, 0.2, 1), (7, 0.3, 2), (3, 0.1, 3), (5, 1.0, 4)):
        paths = [f"{number:02d}.png" for number in range(count)]
        halves = [train_util.split_train_val(paths, [None] * count, is_train, share, seed)[0] for is_train in (True, False)]
        found.append({"count": count, "share": share, "seed": seed, "train": halves[0], "held_out": halves[1]})
    return found


def pattern(width: int, height: int, channels: int) -> Any:
    """An image that any machine draws alike: slopes, edges and noise."""
    import numpy as np

    rows, columns, colours = np.mgrid[:height, :width, :channels].astype(np.int64)
    return (
        (rows * 7 + columns * 3 + colours * 50 + (rows * columns * 2654435761 >> 7) % 97 * (columns > width // 3)) % 256
    ).astype(np.uint8)


SCALED = [
    # image, scaled, bucket, method, channels
    [[37, 29], [20, 16], [16, 16], None, 3],
    [[40, 24], [20, 12], [16, 12], "area", 3],
    [[13, 11], [26, 22], [24, 16], None, 3],
    [[13, 11], [26, 22], [24, 16], None, 4],
    [[37, 29], [20, 16], [16, 16], "nearest", 3],
    [[37, 29], [20, 16], [16, 16], "bilinear", 3],
    [[13, 11], [26, 22], [24, 16], "bicubic", 3],
    [[13, 11], [26, 22], [24, 16], "area", 3],
    [[16, 19], [16, 19], [16, 16], None, 3],
]


def scaled_images(train_util: Any) -> list[dict[str, Any]]:
    found = []
    for image, scaled, bucket, method, channels in SCALED:
        made, size, edges = train_util.trim_and_resize_if_required(
            False, pattern(*image, channels), bucket, tuple(scaled), method
        )
        row = {"image": image, "scaled": scaled, "bucket": bucket, "method": method, "channels": channels}
        found.append({**row, "size": size, "edges": edges, "made": made.tolist()})
    return found


CONFIG = """
[general]
shuffle_caption = true
caption_extension = "txt"
keep_tokens = 1
flip_aug = true

[[datasets]]
resolution = 768
batch_size = 4
enable_bucket = true
keep_tokens = 2
class_tokens = "of the dataset"

  [[datasets.subsets]]
  image_dir = "a"
  num_repeats = 3
  flip_aug = false
  caption_dropout_rate = 0.25

  [[datasets.subsets]]
  image_dir = "b"
  class_tokens = "犬"
  is_reg = true
  keep_tokens = 0

[[datasets]]
resolution = [512, 640]
bucket_no_upscale = true
min_bucket_reso = 320
validation_split = 0.5

  [[datasets.subsets]]
  image_dir = "c"
  alpha_mask = true
  token_warmup_step = 0.5
"""
OPTIONS = ["--resolution", "1024", "--train_batch_size", "2", "--keep_tokens", "5", "--color_aug", "--prior_loss_weight", "0.5"]


def configs() -> list[dict[str, Any]]:
    from dataclasses import asdict

    import toml
    from library import config_util, train_util

    parser = argparse.ArgumentParser()
    train_util.add_dataset_arguments(parser, True, True, True)
    train_util.add_training_arguments(parser, True)
    parser.set_defaults(masked_loss=False)
    arguments = parser.parse_args(OPTIONS)
    train_util.prepare_dataset_args(arguments, True)
    maker = config_util.BlueprintGenerator(config_util.ConfigSanitizer(True, True, False, True))
    made = maker.generate(toml.loads(CONFIG), arguments).dataset_group.datasets
    sets = [{"dataset": asdict(one.params), "subsets": [asdict(subset.params) for subset in one.subsets]} for one in made]
    return [{"config": CONFIG, "options": OPTIONS, "datasets": sets}]


def write_caches(folder: Path) -> None:
    """Two cache files, written by sd-scripts' own caching strategies."""
    import numpy as np
    import torch
    from library import strategy_sd, strategy_sdxl

    latents = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 4, 2, 3)).astype(np.float32))
    keeper = strategy_sd.SdSdxlLatentsCachingStrategy(True, True, 1, False)
    path = keeper.get_latents_npz_path(str(folder / "data.png"), (37, 29))
    Path(path).unlink(missing_ok=True)
    mask = torch.from_numpy(np.random.default_rng(1).random((16, 24), dtype=np.float32))
    keeper.save_latents_to_disk(path, latents[0], (37, 29), (0.0, 1.0, 24.0, 17.5), latents[1], mask)
    text = strategy_sdxl.SdxlTextEncoderOutputsCachingStrategy(True, 1, False)
    states = [torch.from_numpy(np.random.default_rng(2).standard_normal((1, 77, width)).astype(np.float32)) for width in (3, 5)]
    tokens = SimpleNamespace(tokenize=lambda captions: (None, None))
    encoder = SimpleNamespace(encode_tokens=lambda strategy, models, ids: [*states, states[1][:, 0]])
    info = SimpleNamespace(caption="a, b", text_encoder_outputs_npz=text.get_outputs_npz_path(str(folder / "data.png")))
    text.cache_batch_outputs(tokens, [], encoder, [info])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    checkout = parser.parse_args().checkout
    sys.path.insert(0, str(checkout))
    from library import model_util, train_util

    golden = {
        "tables": bucket_tables(model_util),
        "placings": placings(train_util),
        "captions": captions(train_util),
        "splits": splits(train_util),
        "scaled": scaled_images(train_util),
        "configs": configs(),
    }
    write_caches(Path(__file__).parent)
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        for name, rows in golden.items()
    ]
    Path(__file__).with_name("data.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
