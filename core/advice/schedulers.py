"""Rules on learning rate schedulers, as sd-scripts' `get_scheduler_fix` treats them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.advice.model import Subject, Trouble, set_options
from core.errors import nearest
from core.text import Text

_DEFAULT_STEPS = 1600  # sd-scripts' --max_train_steps
_ABOUT_SCHEDULER = ("lr_scheduler", "lr_scheduler_type", "lr_warmup_steps", "lr_scheduler_num_cycles")


def _scheduler(subject: Subject) -> str:
    return subject.word("lr_scheduler", "constant")


def _steps(subject: Subject) -> float | None:
    """How many steps it trains; None where that depends on the number of images."""
    if subject.number("max_train_epochs") is not None:
        return None
    return subject.number("max_train_steps") or _DEFAULT_STEPS


def _warmup(subject: Subject) -> float:
    """Steps of warm-up. A fraction (0.1) is a share of the run; 1 where the run's length is not known."""
    stored = subject.number("lr_warmup_steps") or 0
    if not isinstance(stored, float):
        return stored
    steps = _steps(subject)
    return int(stored * steps) if steps is not None else float(stored > 0)


def ignored(subject: Subject) -> Iterator[Trouble]:
    """A scheduler, a warm-up or cycles that have no effect."""
    if not subject.ignores_scheduler:
        return
    own = "adafactor" if subject.name == "adafactor" else "constant"
    options = subject.job.options
    given = [name for name in _ABOUT_SCHEDULER if options.get(name) and not (name == "lr_scheduler" and options[name] == own)]
    if subject.name == "adafactor" and "lr_scheduler_type" in given:
        return  # a class of the user's own comes before the one that AdaFactor brings
    if given:
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"This optimizer brings its own schedule; {listed}: has no effect.",
                f"このオプティマイザーは独自のスケジュールを使うため、{listed} は効果がありません。",
            ),
            tuple(f"option:{name}" for name in given),
            set_options(Text("Remove what has no effect", "効果のない設定を削除する"), **dict.fromkeys(given)),
        )


def warmup_refused(subject: Subject) -> Iterator[Trouble]:
    """A warm-up beside a scheduler for which sd-scripts refuses one."""
    if subject.schedule_free or _warmup(subject) == 0:
        return
    own_class = subject.word("lr_scheduler_type")
    name = own_class or ("adafactor" if subject.ignores_scheduler else _scheduler(subject))
    if not own_class and name != "constant" and not name.startswith("adafactor"):
        return
    if name == "constant":
        fix = set_options(Text("Use constant_with_warmup", "constant_with_warmup を使う"), lr_scheduler="constant_with_warmup")
    else:
        fix = set_options(Text("Remove the warm-up", "ウォームアップを削除する"), lr_warmup_steps=None)
    yield Trouble(
        Text(
            f"sd-scripts refuses a warm-up with the scheduler {name}.",
            f"sd-scripts はスケジューラ {name} でのウォームアップを受け付けません。",
        ),
        ("option:lr_warmup_steps", "option:lr_scheduler_type" if own_class else "option:lr_scheduler"),
        fix,
    )


def adafactor_alone(subject: Subject) -> Iterator[Trouble]:
    """`adafactor` without AdaFactor's relative_step."""
    if not _scheduler(subject).startswith("adafactor") or subject.word("lr_scheduler_type"):
        return
    if ":" in _scheduler(subject) and subject.name.endswith("adafactor"):
        return  # "adafactor:1e-4" is how sd-scripts itself says it, and it takes it from others
    if not subject.ignores_scheduler:
        after = "constant_with_warmup" if _warmup(subject) else "constant"
        yield Trouble(
            Text(
                "The scheduler adafactor works only with the optimizer AdaFactor and relative_step=True.",
                "スケジューラ adafactor は、オプティマイザー AdaFactor で relative_step=True のときだけ使用できます。",
            ),
            ("option:lr_scheduler",),
            set_options(Text(f"Use {after}", f"{after} を使う"), lr_scheduler=after),
        )


def no_restarts(subject: Subject) -> Iterator[Trouble]:
    """Restarts with a single cycle, which is a plain cosine."""
    if subject.ignores_scheduler or subject.word("lr_scheduler_type"):
        return
    cycles = subject.number("lr_scheduler_num_cycles")
    if _scheduler(subject) == "cosine_with_restarts" and (1 if cycles is None else cycles) <= 1:
        yield Trouble(
            Text(
                "With one cycle cosine_with_restarts never restarts: it is the same as cosine.",
                "サイクル数が 1 の cosine_with_restarts は再始動せず、cosine と同じです。",
            ),
            ("option:lr_scheduler_num_cycles", "option:lr_scheduler"),
            set_options(Text("Use cosine", "cosine を使う"), lr_scheduler="cosine", lr_scheduler_num_cycles=None),
        )


def long_warmup(subject: Subject) -> Iterator[Trouble]:
    """A warm-up that is not over before the run is."""
    steps = _steps(subject)
    if subject.ignores_scheduler or steps is None or _warmup(subject) < steps:
        return
    shorter = int(steps) // 10
    yield Trouble(
        Text(
            f"The warm-up is as long as the whole run ({int(steps)} steps): the learning rate is reached at its end or never.",
            f"ウォームアップが学習全体 ({int(steps)} ステップ) 以上の長さです。学習率が指定値に達するのは、早くても最後になります。",
        ),
        ("option:lr_warmup_steps",),
        set_options(Text(f"Set {shorter} steps", f"{shorter} ステップにする"), lr_warmup_steps=shorter or None),
    )


def unfit(subject: Subject) -> Iterator[Trouble]:
    """A scheduler other than those that the catalogue names for the optimizer, with the catalogue's reason."""
    if subject.spec is None or subject.ignores_scheduler or subject.word("lr_scheduler_type"):
        return
    fits, name = subject.spec.schedulers.fits, _scheduler(subject)
    if not fits or name in fits or name.startswith("adafactor"):
        return
    best, note = fits[0], subject.spec.schedulers.note
    changes: dict[str, str | None] = {"lr_scheduler": best}
    if best == "constant":
        changes["lr_warmup_steps"] = None  # refused beside it
    yield Trouble(
        Text(
            f"{subject.spec.name} goes better with {best}. {note.en}",
            f"{subject.spec.name} には {best} が向いています。{note.ja}",
        ),
        ("option:lr_scheduler",),
        set_options(Text(f"Use {best}", f"{best} を使う"), **changes),
    )


_USED_BY = {
    "lr_scheduler_num_cycles": ("cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"),
    "lr_scheduler_power": ("polynomial",),
    "lr_scheduler_timescale": ("inverse_sqrt",),
    "lr_scheduler_min_lr_ratio": ("cosine_with_min_lr", "warmup_stable_decay"),
    "lr_decay_steps": ("warmup_stable_decay",),
}
"""Options and the schedulers that read them, in `get_scheduler_fix`."""


def unused(subject: Subject) -> Iterator[Trouble]:
    """Options that the chosen scheduler does not read. (A scheduler that is ignored altogether is told of by `ignored`.)"""
    if subject.ignores_scheduler or subject.word("lr_scheduler_type"):
        return
    name = _scheduler(subject)
    given = [option for option, users in _USED_BY.items() if option in subject.switched(option) and name not in users]
    if given:
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"The scheduler {name} does not read {listed}.",
                f"スケジューラ {name} は {listed} を使いません。",
            ),
            tuple(f"option:{option}" for option in given),
            set_options(Text("Remove what has no effect", "効果のない設定を削除する"), **dict.fromkeys(given)),
        )


def own_class_wins(subject: Subject) -> Iterator[Trouble]:
    """Both a scheduler's name and a class, of which the class wins."""
    own_class = subject.word("lr_scheduler_type")
    if own_class and not subject.schedule_free and subject.switched("lr_scheduler"):
        name = _scheduler(subject)
        yield Trouble(
            Text(
                f"lr_scheduler_type {own_class} takes the place of lr_scheduler {name}, which has no effect.",
                f"lr_scheduler_type の {own_class} が優先され、lr_scheduler の {name} は効果がありません。",
            ),
            ("option:lr_scheduler", "option:lr_scheduler_type"),
            set_options(Text("Remove lr_scheduler", "lr_scheduler を削除する"), lr_scheduler=None),
        )


TORCH_SCHEDULERS = [
    "LambdaLR",
    "MultiplicativeLR",
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "SequentialLR",
    "CosineAnnealingLR",
    "ChainedScheduler",
    "ReduceLROnPlateau",
    "CyclicLR",
    "CosineAnnealingWarmRestarts",
    "OneCycleLR",
    "PolynomialLR",
    "LRScheduler",
]
"""The classes of `torch.optim.lr_scheduler`; a test holds it against torch."""


def no_such_class(subject: Subject) -> Iterator[Trouble]:
    """A class without a package, which sd-scripts looks for in torch, and which torch does not have."""
    own_class = subject.word("lr_scheduler_type")
    if not own_class or "." in own_class or subject.schedule_free or own_class in TORCH_SCHEDULERS:
        return
    near = nearest(own_class, TORCH_SCHEDULERS)
    yield Trouble(
        Text(
            f"torch has no scheduler {own_class}; a class of another package is written package.module.Class.",
            f"torch に {own_class} というスケジューラはありません。ほかのパッケージのクラスは「パッケージ.モジュール.クラス」と書きます。",
        ),
        ("option:lr_scheduler_type",),
        set_options(Text(f"Use {near}", f"{near} を使う"), lr_scheduler_type=near)
        if near
        else set_options(Text("Remove lr_scheduler_type", "lr_scheduler_type を削除する"), lr_scheduler_type=None),
    )


NEEDS_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "StepLR": ("step_size",),
    "MultiStepLR": ("milestones",),
    "ExponentialLR": ("gamma",),
    "CosineAnnealingLR": ("T_max",),
    "CosineAnnealingWarmRestarts": ("T_0",),
    "OneCycleLR": ("max_lr", "total_steps"),  # the second has a default, with which it refuses to be built
    "CyclicLR": ("base_lr", "max_lr"),
}
"""Classes of torch with the arguments that they cannot do without."""

NEEDS_OBJECTS = ("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler", "LRScheduler")
"""Classes of torch that want a function or other schedulers, which no command line can say, and the one that does nothing."""


def _beginning(subject: Subject) -> dict[str, str]:
    """A value to begin with for each argument, fit for the job's steps and rate."""
    steps = int(_steps(subject) or _DEFAULT_STEPS)
    third, rate = max(steps // 3, 1), max(subject.rates().values(), default=0.0)
    return {
        "step_size": f"{third}",
        "milestones": f"[{max(steps // 2, 1)},{max(steps * 3 // 4, 1)}]",
        "gamma": f"{round(0.1 ** (1 / steps), 6):g}",  # a tenth of the rate is left at the end
        "T_max": f"{steps}",
        "T_0": f"{third}",
        "max_lr": f"{rate:g}",
        "total_steps": f"{steps}",
        "base_lr": f"{rate / 10:g}",
    }


def class_lacks_argument(subject: Subject) -> Iterator[Trouble]:
    """A class of torch without the arguments that it needs, or with some that no command line can say."""
    own_class = subject.word("lr_scheduler_type")
    if subject.schedule_free:
        return
    if own_class in NEEDS_OBJECTS:
        yield Trouble(
            Text(
                f"{own_class} has to be given a function or other schedulers, which options cannot say.",
                f"{own_class} には関数やほかのスケジューラを渡す必要があり、オプションでは指定できません。",
            ),
            ("option:lr_scheduler_type",),
            set_options(Text("Remove lr_scheduler_type", "lr_scheduler_type を削除する"), lr_scheduler_type=None),
        )
        return
    given = subject.job.options.get("lr_scheduler_args")
    items = [str(item) for item in given] if isinstance(given, list) else []
    named = {item.partition("=")[0] for item in items}
    missing = [name for name in NEEDS_ARGUMENTS.get(own_class, ()) if name not in named]
    if missing:
        values, listed = _beginning(subject), ", ".join(missing)
        written = [f"{name}={values[name]}" for name in missing]
        shown = " ".join(written)
        yield Trouble(
            Text(
                f"{own_class} needs {listed} in lr_scheduler_args, for instance {shown}.",
                f"{own_class} には lr_scheduler_args の {listed} が必要です (例: {shown})。",
            ),
            ("option:lr_scheduler_args", "option:lr_scheduler_type"),
            set_options(Text(f"Write {shown}", f"{shown} と書く"), lr_scheduler_args=[*items, *written]),
        )
