"""What the optimizer part of the form shows for a job. No widgets here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import ArgumentSpec, OptimizerSpec
from core.job.model import Job
from gui.forms.described import Described, describe_argument
from gui.forms.fields import LooseArgumentField

LEARNING_RATE = "learning_rate"
OWN_LEARNING_RATES = ("unet_lr", "text_encoder_lr")


@dataclass(frozen=True, slots=True)
class OptimizerView:
    """The optimizer of a job as a form.

    Attributes:
        spec: the catalogue's entry, None for a class it does not know.
        optimizer_type: what the job says ("" for none).
        class_path: the class to probe where there is no entry.
        fields: a described field for each argument that is known.
        others: names of arguments in the job that nobody described, in the job's order.
    """

    spec: OptimizerSpec | None
    optimizer_type: str
    class_path: str | None
    fields: tuple[Described, ...]
    others: tuple[str, ...]

    @property
    def form_key(self) -> tuple[str, ...]:
        """Changes when other editors are needed."""
        return (self.spec.id if self.spec else f"?{self.optimizer_type}", *(field.field.name for field in self.fields))


def view_of(job: Job, catalogue: Catalogue, probed: Mapping[str, Sequence[ArgumentSpec]]) -> OptimizerView:
    """What to show for a job.

    Args:
        job: the job.
        catalogue: all optimizers.
        probed: class path -> arguments, of the classes whose signature has been read.
    """
    spec = catalogue.find_for_options(job.options)
    path = None if spec is not None else class_path(job.optimizer_type)
    arguments: Sequence[ArgumentSpec] = spec.arguments if spec is not None else probed.get(path or "", ())
    known = {argument.name for argument in arguments}
    return OptimizerView(
        spec=spec,
        optimizer_type=job.optimizer_type,
        class_path=path,
        fields=tuple(describe_argument(argument) for argument in arguments),
        others=tuple(name for name in job.arguments if name not in known),
    )


def class_path(optimizer_type: str) -> str:
    """The class that sd-scripts takes for a name that it does not know itself: a dotted path, or one of torch.optim."""
    return optimizer_type if "." in optimizer_type else f"torch.optim.{optimizer_type}"


def without_arguments(job: Job, names: Sequence[str]) -> Job:
    """A job that leaves these arguments to the optimizer's defaults."""
    for name in names:
        job = job.with_argument(name, None)
    return job


def renamed_argument(job: Job, old: str, new: str) -> Job:
    """A job in which an argument has another name and the same place."""
    return job.with_arguments({new if name == old else name: value for name, value in job.arguments.items()})


def loose_field(name: str) -> LooseArgumentField:
    """The field of an argument that nobody described."""
    return LooseArgumentField(name)


def wants_learning_rate(job: Job, spec: OptimizerSpec) -> bool:
    """Whether the job's learning rate is another than the one the catalogue starts with."""
    value = job.options.get(LEARNING_RATE)
    same = isinstance(value, (int, float)) and not isinstance(value, bool) and float(value) == spec.learning_rate.start
    return not same


def with_starting_rate(job: Job, spec: OptimizerSpec) -> Job:
    """A job with the learning rate that the catalogue starts with."""
    return job.with_option(LEARNING_RATE, spec.learning_rate.start)
