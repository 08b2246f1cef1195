"""What happens in a run, as typed records; one JSON object a line in the run folder's events.jsonl.

The companion (which may import nothing of Caddie) writes the same JSON by hand; `docs/run-folder.md` describes it and
a test holds both together. Readers skip a torn last line and unknown kinds or keys, so that an old window can follow a
new run.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One parameter group at one step.

    Attributes:
        name: `textencoder`, `unet`, … where the script names its groups, else `group0`, `group1`, ….
        lr: the learning rate that this step used (the group's key, after the scheduler); None where it has none.
        effective_lr: what the optimizer really multiplied with: d*lr, the schedule-free `scheduled_lr`, AdaFactor's own.
        d: the estimate of D-Adaptation/Prodigy that this step used; None for other optimizers.
        d_lr: d * lr, None where d is.
        effective_step: root mean square of the change of the weights in this step, from a sample of them; None where it was
            not measured, which is so in most steps.
    """

    name: str
    lr: float | None = None
    effective_lr: float | None = None
    d: float | None = None
    d_lr: float | None = None
    effective_step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The optimizer took its place in the trained process.

    Attributes:
        time: seconds since the epoch (on every event).
        optimizer: dotted class of the real optimizer.
        total_steps: None until it is known.
        source: `companion`, `console` or `tensorboard`.
        hands_loss: the companion hands each step's loss to the optimizer, as the job wishes; None where it does not.
        hears: what the training can be asked for while it runs: `save`, `sample`, `pause`; nothing where nobody listens.
    """

    time: float
    optimizer: str = ""
    total_steps: int | None = None
    source: str = "companion"
    hands_loss: bool | None = None
    hears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimizer step (micro-batches of gradient accumulation are already averaged).

    Attributes:
        step: 1-based, resumed runs go on counting.
        loss: mean over the micro-batches of this step; None where unknown, NaN kept as NaN.
        groups: one entry a parameter group.
        grad_norm: total gradient norm before clipping, None where unknown.
        seconds: wall time since the previous step.
        memory: peak bytes on the GPU so far, else of the process; None where unknown.
        epoch: fractional epoch, None where unknown.
        average_loss: the script's own running average, None where it has none.
    """

    time: float
    step: int
    loss: float | None = None
    groups: tuple[Group, ...] = field(default_factory=tuple)
    grad_norm: float | None = None
    seconds: float | None = None
    memory: int | None = None
    epoch: float | None = None
    average_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample picture was written."""

    time: float
    step: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """The loss on images that are not trained on was measured, each time with the same noise.

    Attributes:
        step: steps done so far.
        loss: mean over these images, NaN kept as NaN.
        epoch: fractional epoch, None where unknown.
    """

    time: float
    step: int
    loss: float
    epoch: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file of weights or state was written. `kind` is `weights` or `state`."""

    time: float
    step: int
    path: str
    kind: str = "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something to look at: NaN loss, d that does not move, … `key` names the message, `detail` is raw."""

    time: float
    step: int
    key: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """What became of something that somebody asked the training for.

    Attributes:
        step: steps done; for `heard` the step after which it will be done.
        wish: `save`, `sample`, `pause`, `go-on`, or `save-then-stop`.
        stage: `heard`, `done` or `failed`.
        path: what was written, where it was; weights rather than state.
        detail: why it failed: a key of `core.runs.wish_words`, or raw text.
    """

    time: float
    step: int
    wish: str
    stage: str
    path: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The script returned, raised or was asked to stop; the process may live a moment longer.

    Attributes:
        how: `returned`, `raised` or `stopped`.
        error: `TypeName: message` where it raised, else "".
    """

    time: float
    step: int
    how: str
    error: str = ""


Event = Started | Step | Sample | Validated | Saved | Warned | Wished | Finished
