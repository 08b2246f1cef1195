"""The images that a metadata file names, as sd-scripts' FineTuningDataset takes them. Only for counting: nothing here trains them.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, FineTuningDataset and BaseDataset.register_image.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from core.errors import CaddieError, ValueProblem
from core.text import Text
from core.training.data.buckets import BucketChooser
from core.training.data.contents import ImageEntry
from core.training.data.folders import Findings
from core.training.data.images import Look
from core.training.data.scan import Looks, looking
from core.training.data.settings import Size, SubsetSettings

Metadata = Mapping[str, Mapping[str, Any]]

_KEPT_SIZE: Final = re.compile(r"_(\d+)x(\d+)_[^_]*\.npz$")
_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class _Listed:
    """One image of the file: its name there, its path, its latents' path, what is known of its size, its caption."""

    key: str
    path: str
    kept: str
    size: Size | None
    caption: str


class ListedScan:
    """Looks at a subset with a metadata file.

    Args:
        subset: with its file, and its folder where the file's paths are relative.
        chooser: knows the dataset's buckets.
        name: of the subset among all of the training.
        findings: gets what is not as it should be.
        looks: remembers what images look like; None to look at each.
        is_sdxl: whose cached latents may say an image's size.
    """

    def __init__(
        self, subset: SubsetSettings, chooser: BucketChooser, name: str, findings: Findings, looks: Looks | None, *, is_sdxl: bool
    ) -> None:
        self._subset = subset
        self._chooser = chooser
        self._name = name
        self._findings = findings
        self._looks = looks
        self._suffix = "_sdxl.npz" if is_sdxl else "_sd.npz"

    def entries(self, told: Callable[[], None]) -> list[ImageEntry]:
        """The images that can be trained on; `told` is called after each."""
        file = self._subset.metadata_file
        try:
            listed = self._listed(read_metadata(file))
            changed = os.path.getmtime(file)
        except CaddieError as error:
            self._findings.errors.append(error.text)
            return []
        if not listed:
            self._findings.warn(
                f"{file}: there are no images in it; the subset is left out.",
                f"{file}: 画像が登録されていないため、このサブセットは使われません。",
            )
        found: list[ImageEntry] = []
        empty: list[str] = []
        by_folder: dict[str, list[_Listed]] = defaultdict(list)
        for one in listed:
            by_folder[os.path.dirname(one.path)].append(one)
        for folder, images in by_folder.items():
            with looking(self._looks, folder, [one.path for one in images if one.size is None]) as look:
                for one in images:
                    told()
                    entry = self._entry(one, look, changed)
                    if entry is not None:
                        found.append(entry)
                        empty += [] if one.caption else [one.key]
        if empty:
            names, more = ", ".join(empty[:_NAMES]), len(empty) - _NAMES
            more_en, more_ja = (f" and {more} more", f" ほか {more} 枚") if more > 0 else ("", "")
            self._findings.warn(
                f"{file}: images without a caption ({len(empty)}): {names}{more_en}",
                f"{file}: キャプションのない画像({len(empty)} 枚): {names}{more_ja}",
            )
        return found

    def _entry(self, one: _Listed, look: Callable[[str], Look], changed: float) -> ImageEntry | None:
        try:
            if one.size is not None and not (one.kept or os.path.exists(one.path)):
                raise CaddieError(
                    Text(
                        f"{self._subset.metadata_file} names {one.path}, which is not there.",
                        f"{self._subset.metadata_file} に登録されている {one.path} がありません。",
                    )
                )
            size = one.size or look(one.path).size
            place = self._chooser.place(size)
        except ValueProblem as problem:
            self._findings.error(f"{one.path}: {problem.text.en}", f"{one.path}: {problem.text.ja}")
            return None
        except CaddieError as error:
            self._findings.errors.append(error.text)
            return None
        return ImageEntry(
            path=os.path.abspath(one.path),
            name=f"{self._name}/{one.key}",
            size=size,
            caption=one.caption,
            caption_time=changed,
            subset=self._subset,
            repeats=self._subset.num_repeats,
            place=place,
        )

    def _listed(self, metadata: Metadata) -> list[_Listed]:
        """What the file says of each image.

        Raises:
            CaddieError: a path is relative, and there is no folder it starts from.
        """
        folder = self._subset.image_dir
        relative = next((key for key in metadata if not os.path.isabs(key)), None)
        if relative is not None and not folder:
            file = self._subset.metadata_file
            raise CaddieError(
                Text(
                    f"{file}: image_dir is needed, because the paths in it are relative: {relative}",
                    f"{file}: 画像のパスが相対パスのため、image_dir が必要です: {relative}",
                )
            )
        paths = {key: os.path.join(folder, key) for key in metadata}  # an absolute one stays as it is
        kept = self._kept_latents({folder, *(os.path.dirname(key) for key in metadata if os.path.isabs(key))} - {""})
        found: list[_Listed] = []
        # The longest first, because the name of one may begin with the name of another.
        for key in sorted(metadata, key=len, reverse=True):
            said = metadata[key]
            size, latents = _size(said.get("image_size")), ""
            if size is None:
                latents = next((path for path in kept if path.startswith(os.path.splitext(key)[0])), "")
                if latents:
                    kept.remove(latents)
                    match = _KEPT_SIZE.search(latents)
                    size = (int(match[1]), int(match[2])) if match else None
            found.append(_Listed(key, paths[key], latents, size, self._caption(said)))
        return found

    def _kept_latents(self, folders: set[str]) -> list[str]:
        found = [path for folder in folders for path in glob.glob(os.path.join(glob.escape(folder), "*" + self._suffix))]
        return sorted(found, key=lambda path: len(os.path.basename(path)), reverse=True)

    def _caption(self, said: Mapping[str, Any]) -> str:
        caption, tags, comma = str(said.get("caption") or ""), said.get("tags"), self._subset.caption_separator
        if tags is None or not isinstance(tags, str):
            return caption
        if self._subset.enable_wildcard:
            tags = tags.replace("\n", comma)
            return "\n".join(f"{line}{comma}{tags}" for line in caption.split("\n") if line.strip())
        return comma.join(filter(None, (caption, tags)))


def _size(said: object) -> Size | None:
    if not isinstance(said, list | tuple):
        return None
    numbers = cast("Sequence[Any]", said)
    right = len(numbers) == 2 and all(isinstance(one, int) and one > 0 for one in numbers)
    return (int(numbers[0]), int(numbers[1])) if right else None


def read_metadata(path: str) -> Metadata:
    """Reads a metadata file: JSON by image, or one JSON record a line (.jsonl).

    Raises:
        CaddieError: it is not there, or not what sd-scripts reads.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            if not path.endswith(".jsonl"):
                metadata: Any = json.load(stream)
            else:
                records: list[dict[str, Any]] = [json.loads(line) for line in stream]
                metadata = {record["image_path"]: {"caption": "", **record} for record in records}
    except OSError as error:
        raise CaddieError(
            Text(f"{path}: the metadata cannot be read: {error}", f"{path}: メタデータを読めません: {error}")
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CaddieError(_no_metadata(path, f"{type(error).__name__}: {error}")) from error
    if not isinstance(metadata, dict) or not all(isinstance(one, dict) for one in cast("dict[str, Any]", metadata).values()):
        raise CaddieError(_no_metadata(path, "{image: {…}}"))
    return cast("Metadata", metadata)


def _no_metadata(path: str, why: str) -> Text:
    return Text(
        f"{path}: this is no metadata that sd-scripts reads ({why}).",
        f"{path}: sd-scripts のメタデータとして読めません ({why})。",
    )


def without_twins(images: Sequence[ImageEntry], findings: Findings) -> list[ImageEntry]:
    """One image for each name in metadata files: of two subsets of a dataset that use the same one, sd-scripts trains the last."""
    by_key: dict[str, ImageEntry] = {}
    for image in images:
        key = image.name.split("/", 2)[2] if image.subset.metadata_file else image.name
        by_key[key] = image
    twins = len(images) - len(by_key)
    if twins:
        findings.warn(
            f"{twins} images have the same name in two metadata files of one dataset; sd-scripts trains only the last of each.",
            f"1 つのデータセットの複数のメタデータに同じ名前の画像が {twins} 枚あります。sd-scripts では最後のものだけが学習されます。",
        )
    return list(by_key.values())
