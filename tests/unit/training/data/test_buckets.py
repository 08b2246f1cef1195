"""Buckets are sd-scripts' own, to the pixel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ValueProblem
from core.training.data.buckets import BucketChooser, bucket_sizes, crop_edges, limits
from core.training.data.settings import DatasetSettings

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "data.json").read_text(encoding="utf-8"))


def test_tables_are_those_of_sd_scripts() -> None:
    assert len(GOLDEN["tables"]) >= 7
    for row in GOLDEN["tables"]:
        resolution, smallest, largest, steps = row["settings"]
        assert list(map(list, bucket_sizes(tuple(resolution), smallest, largest, steps))) == row["sizes"], row["settings"]


def test_images_go_where_sd_scripts_puts_them() -> None:
    assert len(GOLDEN["placings"]) > 100
    for row in GOLDEN["placings"]:
        resolution, smallest, largest, steps, no_upscale = row["settings"]
        chooser = BucketChooser(
            DatasetSettings(
                resolution=tuple(resolution),
                enable_bucket=True,
                min_bucket_reso=smallest,
                max_bucket_reso=largest,
                bucket_reso_steps=steps,
                bucket_no_upscale=no_upscale,
            )
        )
        image = tuple(row["image"])
        place = chooser.place(image)
        assert [list(place.bucket), list(place.scaled)] == [row["bucket"], row["scaled"]], row
        assert list(crop_edges(place.bucket, image)) == row["edges"], row


def test_without_buckets_everything_gets_the_resolution() -> None:
    place = BucketChooser(DatasetSettings(resolution=(512, 768))).place((1000, 1000))
    assert (place.bucket, place.scaled) == ((512, 768), (768, 768))


def test_limits_become_multiples_of_the_steps() -> None:
    settings = DatasetSettings(resolution=(512, 512), enable_bucket=True, min_bucket_reso=300, max_bucket_reso=1000)
    assert limits(settings) == (256, 1024)


@pytest.mark.parametrize("changed", [{"min_bucket_reso": 640}, {"max_bucket_reso": 448}])
def test_limits_that_exclude_the_resolution_are_named(changed: dict[str, int]) -> None:
    settings = DatasetSettings(resolution=(512, 512), enable_bucket=True, **changed)
    with pytest.raises(ValueProblem, match=next(iter(changed))):
        BucketChooser(settings)


@pytest.mark.parametrize("size", [(60, 500), (40, 40), (60000, 20)])
def test_an_image_below_one_step_is_named_where_nothing_is_enlarged(size: tuple[int, int]) -> None:
    chooser = BucketChooser(DatasetSettings(resolution=(512, 512), enable_bucket=True, bucket_no_upscale=True))
    with pytest.raises(ValueProblem, match=f"{size[0]} x {size[1]}"):
        chooser.place(size)
