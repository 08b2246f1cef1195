"""Looking at the images of one folder, one by one, and saying what is odd about them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from core.errors import CaddieError, ValueProblem
from core.text import Text
from core.training.data.ahead import read_ahead
from core.training.data.buckets import BucketChooser, Placing
from core.training.data.caption_files import USUAL_ENDINGS, CaptionFile, caption_paths, read_caption
from core.training.data.contents import ImageEntry
from core.training.data.folders import Findings, image_files
from core.training.data.images import Look, look_at
from core.training.data.settings import Size, SubsetSettings

IsKept = Callable[[str, Size], bool]
"""Whether an image's latents lie on the disk already, so that its pixels are not needed."""

_NAMES_AT_MOST: Final = 200

_REMARKS: Final = {
    "other": Text("pictures of a kind that is not read are left out", "読み込めない形式の画像は使われません"),
    "twice": Text(
        "images that differ in their ending alone share one caption and one cache file",
        "拡張子だけが違う画像は、同じキャプションとキャッシュファイルを共有します",
    ),
    "turned": Text(
        "images that the camera stored lying on their side are turned upright (sd-scripts leaves them lying)",
        "カメラが横向きに保存した画像は、正しい向きに直して使います(sd-scripts では横向きのまま使われます)",
    ),
    "transparent": Text(
        "images with transparent parts are trained with the colours that lie under them; alpha_mask leaves these parts out",
        "透明な部分のある画像は、透明な部分の下にある色のまま学習されます。alpha_mask を使うと、その部分は学習されません",
    ),
    "animated": Text("of moving pictures the first one is used", "アニメーション画像は最初の 1 枚だけが使われます"),
    "cropped": Text(
        "images of another shape than the resolution lose their edges; enable_bucket keeps them",
        "解像度と縦横比が違う画像は端が切り落とされます。enable_bucket を使うと残せます",
    ),
    "missing": Text("images without a caption file", "キャプションファイルのない画像"),
    "empty": Text("captions that say nothing", "空のキャプション"),
    "encoding": Text(
        "captions that are not UTF-8 were read all the same; sd-scripts would stop at them",
        "UTF-8 以外で書かれたキャプションも読み込みました(sd-scripts では止まります)",
    ),
    "no mask": Text("images without a mask are trained as a whole", "マスクのない画像は全体が学習されます"),
    "no image": Text("masks without an image are not used", "対応する画像のないマスクは使われません"),
}


class Looks(Protocol):
    """Remembers what images look like."""

    def folder(self, folder: str, paths: Sequence[str]) -> AbstractContextManager[Callable[[str], Look]]:
        """For as long as it is held, something that reads the header of one of these images, or remembers it.

        May be called from several threads. Raises what `look_at` does.
        """
        ...


def looking(looks: Looks | None, folder: str, paths: Sequence[str]) -> AbstractContextManager[Callable[[str], Look]]:
    """What looks at the headers of these images in a folder."""
    return looks.folder(folder, paths) if looks is not None else _look_at_each()


@contextlib.contextmanager
def _look_at_each() -> Generator[Callable[[str], Look]]:
    yield partial(look_at, whole=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    path: str
    look: Look | None
    caption: CaptionFile | None
    problem: CaddieError | None


class SubsetScan:
    """Looks at one subset.

    Args:
        subset: with its folder.
        chooser: knows the dataset's buckets.
        name: of the subset among all of the training.
        findings: gets what is not as it should be.
        looks: remembers what images look like; None to look at each.
    """

    def __init__(
        self, subset: SubsetSettings, chooser: BucketChooser, name: str, findings: Findings, looks: Looks | None = None
    ) -> None:
        self._looks = looks
        self._places: dict[Size, Placing] = {}
        self._subset = subset
        self._chooser = chooser
        self._name = name
        self._findings = findings
        self._remarks: dict[str, list[str]] = defaultdict(list)

    def entries(self, is_kept: IsKept, told: Callable[[], None], workers: int, together: int = 1) -> list[ImageEntry]:
        """The images that can be trained on, in sd-scripts' order.

        Args:
            is_kept: says which images need not be decoded.
            told: called after each image.
            workers: threads.
            together: images that a thread is given at once; more for headers, which are read faster than threads speak.
        """
        folder, findings = self._subset.image_dir, self._findings
        try:
            paths, others = image_files(folder)
        except OSError as error:
            findings.error(f"{folder}: the folder cannot be read: {error}", f"{folder}: フォルダーを読めません: {error}")
            return []
        if not paths:
            # As in sd-scripts, which leaves such a folder out; that there is no image at all is found elsewhere.
            findings.warn(
                f"{folder}: there are no images in it; the folder is left out.",
                f"{folder}: 画像がないため、このフォルダーは使われません。",
            )
        self._remarks["other"] = others
        self._remarks["twice"] = _same_stems(paths)
        entries: list[ImageEntry] = []
        parts = (paths[start : start + together] for start in range(0, len(paths), together))
        with looking(self._looks, folder, paths) as look:
            looks = (partial(_see_all, part, self._subset, is_kept, look) for part in parts)
            for seen in itertools.chain.from_iterable(read_ahead(looks, workers=workers, ahead=8 * workers)):
                told()
                entry = self._entry(seen)
                if entry is not None:
                    entries.append(entry)
        if self._subset.conditioning_data_dir:
            entries = self._with_masks(entries)
        self._say()
        return entries

    def _entry(self, seen: _Seen) -> ImageEntry | None:
        if seen.look is None:
            assert seen.problem is not None
            self._findings.errors.append(seen.problem.text)
            return None
        takes_windows = self._subset.random_crop and not self._chooser.has_buckets
        try:
            place = self._places.get(seen.look.size)  # a folder has few sizes, and a choice among 30 buckets takes its time
            if place is None:
                place = (self._chooser.window if takes_windows else self._chooser.place)(seen.look.size)
                self._places[seen.look.size] = place
        except ValueProblem as problem:
            self._findings.error(f"{seen.path}: {problem.text.en}", f"{seen.path}: {problem.text.ja}")
            return None
        self._remark_on(seen, seen.look)
        if not self._chooser.has_buckets and not takes_windows and place.scaled != place.bucket:
            self._remarks["cropped"].append(seen.path)
        caption = seen.caption
        return ImageEntry(
            path=os.path.abspath(seen.path),
            name=f"{self._name}/{os.path.basename(seen.path)}",
            size=seen.look.size,
            caption=caption.caption if caption else self._subset.class_tokens or "",
            caption_time=_changed(caption.path) if caption else 0.0,
            subset=self._subset,
            repeats=self._subset.num_repeats,
            place=place,
        )

    def _remark_on(self, seen: _Seen, look: Look) -> None:
        noticed = {
            "turned": look.turned,
            "transparent": look.transparent and not self._subset.alpha_mask,
            "animated": look.animated,
            "missing": seen.caption is None,
            "empty": seen.caption is not None and not seen.caption.caption,
            "encoding": seen.caption is not None and seen.caption.encoding != "utf-8",
        }
        for remark, is_so in noticed.items():
            if is_so:
                self._remarks[remark].append(seen.path)

    def _with_masks(self, entries: Sequence[ImageEntry]) -> list[ImageEntry]:
        folder = self._subset.conditioning_data_dir
        try:
            masks = {os.path.splitext(os.path.basename(path))[0]: path for path in image_files(folder)[0]}
        except OSError as error:
            self._findings.error(f"{folder}: the folder cannot be read: {error}", f"{folder}: フォルダーを読めません: {error}")
            return list(entries)
        found: list[ImageEntry] = []
        for entry in entries:
            path = masks.pop(os.path.splitext(os.path.basename(entry.path))[0], "")
            if path:
                self._check_mask(path, entry.size)
            else:
                self._remarks["no mask"].append(entry.path)
            found.append(replace(entry, mask=os.path.abspath(path) if path else ""))
        self._remarks["no image"] = list(masks.values())
        return found

    def _check_mask(self, path: str, size: Size) -> None:
        try:
            seen = look_at(path, whole=True)
        except CaddieError as error:
            self._findings.errors.append(error.text)
            return
        if seen.size != size:
            is_now, wanted = f"{seen.size[0]} x {seen.size[1]}", f"{size[0]} x {size[1]}"
            self._findings.error(
                f"{path}: the mask has {is_now} pixels, its image {wanted}.",
                f"{path}: マスクは {is_now} ピクセルですが、画像は {wanted} ピクセルです。",
            )

    def _say(self) -> None:
        missing = self._remarks["missing"]
        subset = self._subset
        for remark, text in _REMARKS.items():
            paths = self._remarks[remark]
            if not paths:
                continue
            en, ja = text.en, text.ja
            if paths is missing:
                en, ja = en + self._instead().en, ja + self._instead().ja
            names = ", ".join(os.path.basename(path) for path in paths[:_NAMES_AT_MOST])
            more = len(paths) - _NAMES_AT_MOST
            more_en, more_ja = (f" and {more} more", f" ほか {more} 枚") if more > 0 else ("", "")
            self._findings.warn(
                f"{subset.image_dir}: {en} ({len(paths)}): {names}{more_en}",
                f"{subset.image_dir}: {ja}({len(paths)} 枚): {names}{more_ja}",
            )

    def _instead(self) -> Text:
        """What stands for a missing caption, and whether it lies there under another ending."""
        subset, ending = self._subset, self._subset.caption_extension
        for other in USUAL_ENDINGS:
            others = [path for path in self._remarks["missing"] if any(map(os.path.isfile, caption_paths(path, other)))]
            if other != ending and others:
                return Text(
                    f' of the ending {ending}, but there are files with {other}: set caption_extension = "{other}"?',
                    f'(拡張子 {ending})。ただし {other} のファイルがあります。caption_extension = "{other}" にしますか？',
                )
        if subset.class_tokens:
            return Text(f" get the caption {subset.class_tokens!r}", f"には「{subset.class_tokens}」が使われます")
        return Text(" are trained without one", "はキャプションなしで学習されます")


def _see_all(paths: Sequence[str], subset: SubsetSettings, is_kept: IsKept, look: Callable[[str], Look]) -> list[_Seen]:
    return [_see(path, subset, is_kept, look) for path in paths]


def _see(path: str, subset: SubsetSettings, is_kept: IsKept, look_quickly: Callable[[str], Look]) -> _Seen:
    caption = None
    try:
        look = look_quickly(path)
        if not is_kept(path, look.size):
            look = look_at(path, whole=True)
        caption = read_caption(path, subset.caption_extension, lines=subset.enable_wildcard)
    except CaddieError as error:
        return _Seen(path, None, caption, error)
    return _Seen(path, look, caption, None)


def _same_stems(paths: Sequence[str]) -> list[str]:
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_stem[os.path.splitext(path)[0]].append(path)
    return [path for group in by_stem.values() if len(group) > 1 for path in group]


def _changed(path: str) -> float:
    try:
        return os.path.getmtime(path)
    except OSError:
        return 0.0
