"""A session without files, hand-made specs and small hands for the tests of forms."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QWidget

from core.catalogue.kinds import BoolKind, NumberKind, TextKind, TupleKind
from core.catalogue.spec import ArgumentSpec
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet
from core.text import Text, same
from gui.bridge.job_session import JobFiles, JobSession
from gui.bridge.options import Options
from gui.bridge.settings import Settings
from gui.bridge.tasks import Tasks
from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.row import FieldRow, FormTools


def _no_load(path: Path) -> Job:
    raise AssertionError(f"nobody opens {path} here")


def _no_save(_job: Job, path: Path) -> None:
    raise AssertionError(f"nobody saves {path} here")


OPTIONS = OptionSet(
    script="train_network.py",
    options={
        option.name: option
        for option in (
            Option(name="learning_rate", flags=("--learning_rate",), kind=OptionKind.FLOAT, default=2e-6),
            Option(name="max_grad_norm", flags=("--max_grad_norm",), kind=OptionKind.FLOAT, default=1.0),
            Option(name="seed", flags=("--seed",), kind=OptionKind.INT),
            Option(name="cache_latents", flags=("--cache_latents",), kind=OptionKind.FLAG, default=False),
            Option(name="text_encoder_lr", flags=("--text_encoder_lr",), kind=OptionKind.FLOAT, nargs="*"),
            Option(name="network_args", flags=("--network_args",), kind=OptionKind.TEXT, nargs="*"),
            Option(name="lr_warmup_steps", flags=("--lr_warmup_steps",), kind=OptionKind.INT_OR_FLOAT),
            Option(name="output_name", flags=("--output_name",), kind=OptionKind.TEXT),
            Option(name="caption_separator", flags=("--caption_separator",), kind=OptionKind.TEXT, default=","),
            Option(
                name="mixed_precision",
                flags=("--mixed_precision",),
                kind=OptionKind.TEXT,
                choices=("no", "fp16", "bf16"),
                default="no",
            ),
            Option(name="zero_stage", flags=("--zero_stage",), kind=OptionKind.INT, choices=(0, 1, 2, 3), default=2),
            Option(name="optimizer_type", flags=("--optimizer_type",), kind=OptionKind.TEXT, default=""),
            Option(name="optimizer_args", flags=("--optimizer_args",), kind=OptionKind.TEXT, nargs="*"),
        )
    },
    source="snapshot",
)


class Kit:
    """A session over `OPTIONS`, with the binding of a form."""

    def __init__(self, folder: Path, job: Job | None = None) -> None:
        self.host = QWidget()
        self.tasks = Tasks(self.host)
        self.settings = Settings(folder / "settings.toml", self.host)
        self.options = Options(
            self.tasks, snapshot=lambda: {OPTIONS.script: OPTIONS}, checkout=lambda _folder: {}, parent=self.host
        )
        self.session = JobSession(
            job or Job(), files=JobFiles(_no_load, _no_save), options=self.options, settings=self.settings, parent=self.host
        )
        self.japanese = False
        self.tools = FormTools(say=self.say, icon=lambda _name: QIcon())
        self.binding = FormBinding(self.session, lambda field: f"Change {field.name}", self.host)

    def say(self, text: Text) -> str:
        return text.ja if self.japanese else text.en

    def row(self, described: Described) -> FieldRow:
        row = FieldRow(described, self.tools, self.host)
        self.binding.add([row])
        return row


def argument(name: str, kind: object, default: object, *, nullable: bool = False, advanced: bool = False) -> ArgumentSpec:
    """An argument as a test needs it."""
    return ArgumentSpec(
        name=name,
        kind=kind,  # pyright: ignore[reportArgumentType]
        default=default,  # pyright: ignore[reportArgumentType]
        nullable=nullable,
        advanced=advanced,
        help=Text(f"What {name} does. And more.", f"{name} の説明です。続きです。"),
    )


EPS = argument("eps", NumberKind(minimum=0), 1e-8)
BETAS = argument("betas", TupleKind(item=NumberKind(minimum=0, maximum=1, below_maximum=True), length=2), (0.9, 0.999))
GROWTH = argument("growth_rate", NumberKind(), float("inf"))
DECOUPLE = argument("decouple", BoolKind(), False)
BETA3 = argument("beta3", NumberKind(), None, nullable=True)
MODE = argument("mode", TextKind(choices=("fast", "slow")), "fast", nullable=True)
NAME = argument("name", TextKind(), "plain", nullable=True)
ALL = (EPS, BETAS, GROWTH, DECOUPLE, BETA3, MODE, NAME)
EMPTY = same("")
