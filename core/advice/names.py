"""Names that sd-scripts looks up only after the model is loaded: the optimizer's class, the learning rate scheduler's."""

from __future__ import annotations

from collections.abc import Iterator

from core.advice.model import Fix, Subject, Trouble, set_options
from core.errors import nearest
from core.options.model import OptionValue
from core.text import Text

TORCH_OPTIMIZERS = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
]
"""The classes of `torch.optim`, which sd-scripts looks up with their capitals; a test holds it against torch."""

_SCHEDULERS = [
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "cosine_with_min_lr",
    "warmup_stable_decay",
    "piecewise_constant",
]
"""transformers' `SchedulerType` and diffusers' one name more, as far as sd-scripts can build them."""

_UNBUILDABLE = ("reduce_lr_on_plateau", "cosine_warmup_with_min_lr")
"""Names of transformers which `get_scheduler_fix` hands arguments that they do not take."""

_MIN_RATIO = 0.1


def no_such_optimizer(subject: Subject) -> Iterator[Trouble]:
    """A class without a package that is neither one of sd-scripts' names nor in torch, or a name that cannot be one."""
    name = subject.job.optimizer_type or ""
    if subject.spec is not None or not name or name in TORCH_OPTIMIZERS:
        return
    if "." in name:
        if all(part.isidentifier() for part in name.split(".")):
            return  # whether that package has it, only the environment can tell
        text = Text(f"{name} is no package.module.Class.", f"{name} は「パッケージ.モジュール.クラス」の形ではありません。")
    else:
        text = Text(
            f"Neither sd-scripts nor torch has an optimizer {name}; a class of another package is written package.module.Class.",
            f"sd-scripts にも torch にも {name} というオプティマイザーはありません。ほかのパッケージのクラスは"
            "「パッケージ.モジュール.クラス」と書きます。",
        )
    yield Trouble(text, ("option:optimizer_type",), _meant_optimizer(subject, name))


def _meant_optimizer(subject: Subject, name: str) -> Fix | None:
    catalogue = subject.catalogue
    if catalogue is None:
        return None
    meant = catalogue.meant_by(name)
    near = meant.optimizer_type if meant else nearest(name, [spec.optimizer_type for spec in catalogue] + TORCH_OPTIMIZERS)
    if near is None:
        return set_options(Text("Use AdamW", "AdamW を使う"), optimizer_type="AdamW")
    return set_options(Text(f"Use {near}", f"{near} を使う"), optimizer_type=near)


def _by_name(subject: Subject) -> str:
    """The scheduler that sd-scripts looks up by its name; "" where it looks up none."""
    name = subject.word("lr_scheduler", "constant")
    passed_over = subject.ignores_scheduler or subject.schedule_free or subject.word("lr_scheduler_type")
    return "" if passed_over or name.startswith("adafactor") else name


def no_such_scheduler(subject: Subject) -> Iterator[Trouble]:
    """A scheduler's name that sd-scripts does not know, or cannot build whatever else is given."""
    name = _by_name(subject)
    if not name or name in _SCHEDULERS:
        return
    if name in _UNBUILDABLE:
        text = Text(
            f"sd-scripts cannot build the scheduler {name}: it hands it arguments that it does not take.",
            f"sd-scripts はスケジューラ {name} を作れません。受け取れない引数を渡すためです。",
        )
        near = "cosine_with_min_lr" if "min_lr" in name else "cosine"
    else:
        text = Text(f"There is no scheduler {name}.", f"{name} というスケジューラはありません。")
        near = nearest(name, _SCHEDULERS) or "cosine"
    changes: dict[str, OptionValue | None] = {"lr_scheduler": near}
    if near == "constant" and subject.switched("lr_warmup_steps"):
        near = changes["lr_scheduler"] = "constant_with_warmup"
    changes |= _completed(subject, near)
    yield Trouble(text, ("option:lr_scheduler",), set_options(Text(f"Use {near}", f"{near} を使う"), **changes))


def scheduler_lacks(subject: Subject) -> Iterator[Trouble]:
    """A scheduler without what it cannot do without."""
    name = _by_name(subject)
    missing = _completed(subject, name)
    for option, value in missing.items():
        shown = value[-1] if isinstance(value, list) else value
        yield Trouble(
            Text(
                f"The scheduler {name} needs {option}, for instance {shown}.",
                f"スケジューラ {name} には {option} が必要です (例: {shown})。",
            ),
            (f"option:{option}", "option:lr_scheduler"),
            set_options(Text(f"Set {option} to {shown}", f"{option} を {shown} にする"), **missing),
        )


def _completed(subject: Subject, name: str) -> dict[str, OptionValue | None]:
    """What the scheduler needs and the job does not say, with a value to begin with."""
    said = subject.job.options.get("lr_scheduler_args")
    items = [str(item) for item in said] if isinstance(said, list) else []
    given = {item.partition("=")[0] for item in items}
    if name == "cosine_with_min_lr" and subject.number("lr_scheduler_min_lr_ratio") is None and "min_lr" not in given:
        return {"lr_scheduler_min_lr_ratio": _MIN_RATIO}
    if name == "piecewise_constant" and "step_rules" not in given:
        half = int(subject.number("max_train_steps") or 1600) // 2
        return {"lr_scheduler_args": [*items, f"step_rules='1:{half},0.1'"]}
    return {}
