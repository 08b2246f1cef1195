"""What a job comes to, its images counted where its length is in epochs."""

from __future__ import annotations

from core.catalogue.catalogue import Catalogue
from core.cli.output import note
from core.effective.effective import effective
from core.effective.model import Effective
from core.errors import CaddieError
from core.job.model import Job
from core.text import Text


def with_images(job: Job, catalogue: Catalogue) -> Effective:
    """The effective settings; epochs are steps where the images can be counted."""
    found = effective(job, catalogue)
    return found if found.steps is not None else effective(job, catalogue, batches=_batches(job))


def _batches(job: Job) -> int | None:
    """Micro-batches of an epoch; None, and a word on standard error, where the images cannot be counted."""
    from core.dataset.census import count_images

    try:
        census = count_images(job)
    except CaddieError as error:
        why = error.text
    else:
        if census.batches:
            return census.batches
        why = census.errors[0] if census.errors else Text("there are none.", "画像がありません。")
    note(Text(f"The images cannot be counted: {why.en}", f"画像を数えられません: {why.ja}"))
    return None
