"""Rules on the folder that a training saves into: what it would write over, and whether there is room for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import ceil

from core.advice.facts import Facts
from core.advice.model import Subject, Trouble, set_options
from core.text import Text
from core.training.models.family import Family

WIDTHS: dict[Family, dict[str, int]] = {
    "sd1": {"unet": 423_936, "text_encoder": 165_888},
    "sd2": {"unet": 432_128, "text_encoder": 442_368},
    "sdxl": {"unet": 2_659_840, "text_encoder": 903_168},
}
"""Numbers of a LoRA of rank 1 (`networks.lora`): inputs and outputs of the layers that it sits on, added up."""

_DEFAULT_DIM, _DEFAULT_STEPS = 4, 1600
_STATE_BYTES = 12
"""A number of a state folder in float32: the weight and AdamW's two averages."""
_SMALL = 2 * 1024**3
_MARGIN = 1.05
_NAMED = 3
_GIBIBYTE = 1024**3


def overwrites(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """Saves of an earlier training under the names that this one would use.

    Source: `get_epoch_ckpt_name`, `get_step_ckpt_name` and their states in sd-scripts' library/train_util.py.
    """
    name = subject.word("output_name")
    written = _writes(subject, name)
    same = sorted(found for found in facts.outputs if written(found)) if name else []
    if not same:
        return
    listed, more = ", ".join(same[:_NAMED]), len(same) - _NAMED
    if more > 0:
        listed_en, listed_ja = f"{listed} and {more} more", f"{listed} ほか {more} 件"
    else:
        listed_en, listed_ja = listed, f"{listed} "
    verb = "is" if len(same) == 1 else "are"
    free = _free_name(name, facts.outputs)
    yield Trouble(
        Text(f"{listed_en} {verb} there already and would be written over.", f"{listed_ja}はすでにあり、上書きされます。"),
        ("option:output_name", "option:output_dir"),
        set_options(Text(f"Name it {free}", f"名前を {free} にする"), output_name=free),
    )


def _writes(subject: Subject, name: str) -> Callable[[str], bool]:
    """Whether the training writes something of a name, as a function: there may be thousands."""
    ending = re.escape(subject.word("save_model_as", "safetensors"))
    saved = rf"{re.escape(name)}(?:-step(?P<step>\d{{8,}})|-(?P<epoch>\d{{6,}}))?(?:(?P<state>-state)|\.{ending})"
    shape, epochs = re.compile(saved), subject.number("max_train_epochs")
    states, last_state = bool(subject.switched("save_state")), bool(subject.switched("save_state_on_train_end"))
    by_steps, by_epochs = subject.number("save_every_n_steps"), subject.number("save_every_n_epochs")
    steps = None if epochs is not None else (subject.number("max_train_steps") or _DEFAULT_STEPS)

    def written(found: str) -> bool:
        match = shape.fullmatch(found)
        if match is None:
            return False
        if match["state"] is not None and not states:
            return match["step"] is None and match["epoch"] is None and last_state
        if match["step"] is not None:
            return _due(int(match["step"]), by_steps, steps)
        if match["epoch"] is not None:
            return _due(int(match["epoch"]), by_epochs, epochs - 1 if epochs is not None else None)
        return True

    return written


def _due(number: int, every: float | None, most: float | None) -> bool:
    return bool(every and every > 0) and number % int(every or 1) == 0 and (most is None or number <= most)


def _free_name(name: str, taken: frozenset[str]) -> str:
    number = 2
    while any(re.match(rf"{re.escape(f'{name}-{number}')}[-.]", one) for one in taken):
        number += 1
    return f"{name}-{number}"


def space(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """Less room than all the saves will take, or hardly any where nobody can tell how much that is."""
    free = facts.free_bytes
    if free is None:
        return
    expected = expected_saves(subject, facts)
    if expected is None:
        if free < _SMALL:
            mebibytes = free // 1024**2
            yield Trouble(
                Text(
                    f"Only {mebibytes} MiB are free where the LoRA is saved; a full disk ends a training at a save.",
                    f"保存先の空き容量が {mebibytes} MiB しかありません。容量が足りなくなると、保存時に学習が終了します。",
                ),
                ("option:output_dir",),
            )
        return
    loras, states, size, state_size = expected
    needed = loras * size + states * state_size
    if needed * _MARGIN > free:
        of_states = f", {states} × {_amount(state_size)} of states" if states else ""
        of_states_ja = f"、学習状態 {states} × {_amount(state_size)}" if states else ""
        yield Trouble(
            Text(
                f"About {_amount(needed)} will be saved ({loras} × {_amount(size)}{of_states}), and {_amount(free)} are free: a full "
                "disk ends the training at a save.",
                f"保存される量は約 {_amount(needed)} ({loras} × {_amount(size)}{of_states_ja}) ですが、空き容量は {_amount(free)} です。"
                "容量が足りなくなると、保存時に学習が終了します。",
            ),
            ("option:output_dir", "option:save_every_n_steps", "option:save_every_n_epochs"),
        )


def _amount(size: float) -> str:
    return f"{size / _GIBIBYTE:.1f} GiB" if size >= _GIBIBYTE / 10 else f"{max(size / 1024**2, 1):.0f} MiB"


def expected_saves(subject: Subject, facts: Facts) -> tuple[int, int, float, float] | None:
    """How many LoRAs and states will be saved, and the bytes of one each; None where that cannot be told."""
    numbers, steps, epochs = _numbers(subject, facts), *_length(subject, facts)
    by_steps, by_epochs = subject.number("save_every_n_steps") or 0, subject.number("save_every_n_epochs") or 0
    if numbers is None or (by_steps > 0 and steps is None) or (by_epochs > 0 and epochs is None):
        return None
    kept = 0
    if by_steps > 0 and steps is not None:
        last = subject.number("save_last_n_steps")
        kept += min(int(steps // by_steps), int((last or 0) // by_steps) + 1 if last is not None else int(steps))
    if by_epochs > 0 and epochs is not None:
        last = subject.number("save_last_n_epochs")
        kept += min(int((epochs - 1) // by_epochs), int(last or 0) + 1 if last is not None else int(epochs))
    each = 2 if subject.word("save_precision") in ("fp16", "bf16") else 4
    states = kept + 1 if subject.switched("save_state") else int(bool(subject.switched("save_state_on_train_end")))
    return kept + 1, states, numbers * each, numbers * _STATE_BYTES


def _numbers(subject: Subject, facts: Facts) -> float | None:
    """Numbers in the LoRA."""
    plain = subject.word("network_module") == "networks.lora" and subject.network_argument("conv_dim") is None
    if facts.model is None or not plain or subject.network_argument("block_dims") is not None:
        return None
    dim = subject.number("network_dim")
    widths = WIDTHS[facts.model.family]
    return sum(widths[part] for part in subject.trains) * (_DEFAULT_DIM if dim is None else dim)


def _length(subject: Subject, facts: Facts) -> tuple[float | None, float | None]:
    """Steps and epochs of the run, None where they depend on images that were not counted."""
    epochs, steps = subject.number("max_train_epochs"), subject.number("max_train_steps") or _DEFAULT_STEPS
    images = sum(one.images * one.repeats for one in facts.folders or () if one.repeats)
    if not images or not facts.whole or subject.word("dataset_config"):
        return (None, epochs) if epochs is not None else (steps, None)
    batch = (subject.number("train_batch_size") or 1) * (subject.number("gradient_accumulation_steps") or 1)
    of_epoch = max(ceil(images / batch), 1) if batch > 0 else images
    return (of_epoch * epochs, epochs) if epochs is not None else (steps, ceil(steps / of_epoch))


_WINDOWS_LIMIT = 259
_BEHIND_FOLDER = 40
"""What comes behind the folder: "<name>-step00001000.safetensors", and what lies in a folder of a state."""
_BEHIND_IMAGE = 22
""""_1024x1024_sdxl_te.npz" in the place of an image's ending."""
_BEHIND_LOGS = 95
"""<time>/network_train/events.out.tfevents.<seconds>.<computer>.<process>.0"""
_CACHED_ON_DISK = ("cache_latents_to_disk", "cache_text_encoder_outputs_to_disk")


def long_path(subject: Subject, facts: Facts) -> Iterator[Trouble]:
    """Files whose paths would be longer than Windows takes."""
    if not facts.windows:
        return
    output, logs = facts.absolute.get("output_dir"), facts.absolute.get("logging_dir")
    places: list[tuple[str, str, int]] = []
    if output is not None:
        places.append(("output_dir", output, len(output) + 1 + len(subject.word("output_name")) + _BEHIND_FOLDER))
    if logs is not None and subject.word("log_with") in ("", "tensorboard", "all"):
        places.append(("logging_dir", logs, len(logs) + 1 + len(subject.word("log_prefix")) + _BEHIND_LOGS))
    if facts.longest_image and subject.switched(*_CACHED_ON_DISK):
        places.append(("train_data_dir", facts.absolute["train_data_dir"], facts.longest_image + _BEHIND_IMAGE))
    for option, path, length in places:
        if length > _WINDOWS_LIMIT:
            yield Trouble(
                Text(
                    f"Files in {path} come to {length} characters; Windows takes {_WINDOWS_LIMIT}. Choose a shorter folder or name.",
                    f"{path} に保存するファイルのパスが {length} 文字になります。Windows の上限は {_WINDOWS_LIMIT} 文字です。"
                    "短いフォルダーか名前にしてください。",
                ),
                (f"option:{option}", *(("option:output_name",) if option == "output_dir" else ())),
            )
