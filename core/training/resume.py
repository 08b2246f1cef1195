"""Going on from a saved state: what it has to fit, and what of the job it overrules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import CaddieError
from core.text import Text
from core.training.loop import Length
from core.training.optimizer import BuiltOptimizer
from core.training.state import Place


def settings_of(built: BuiltOptimizer) -> list[dict[str, object]]:
    """What the job says of each group of the optimizer: the rate that schedules start from, and its arguments."""
    return [
        {name: group[name] for name in ("initial_lr" if "initial_lr" in group else "lr", *built.arguments) if name in group}
        for group in built.optimizer.param_groups
    ]


def changed_settings(asked: Sequence[Mapping[str, object]], found: Sequence[Mapping[str, object]]) -> list[Text]:
    """What a saved state says otherwise than the job; it stays as it was, in sd-scripts too."""
    pairs = {
        (name.removeprefix("initial_"), str(wanted), str(saved[name]))
        for job, saved in zip(asked, found, strict=True)
        for name, wanted in job.items()
        if saved.get(name) != wanted
    }
    return [
        Text(
            f"{name} = {wanted} has no effect: a training that is resumed goes on with the saved {saved}. To train on with another "
            "one, start from the LoRA itself (network_weights).",
            f"{name} = {wanted} は使われません。再開した学習は保存時の {saved} のまま続きます。値を変えて学習するには、network_weights で"
            "LoRA から始めてください。",
        )
        for name, wanted, saved in sorted(pairs)
    ]


def refuse_if_done(start: Place, length: Length) -> None:
    """Says so where a saved training has nothing left to do.

    Raises:
        CaddieError: it has taken as many steps as the job asks for.
    """
    if start.step >= length.steps:
        raise CaddieError(
            Text(
                f"The saved training has done {start.step} steps, and the job asks for {length.steps} in all: nothing is left to "
                "do. Raise max_train_steps or max_train_epochs to go on.",
                f"保存された学習は {start.step} ステップまで終わっていて、ジョブの合計は {length.steps} ステップなので、残りがありません。"
                "続けるには max_train_steps または max_train_epochs を増やしてください。",
            )
        )
