"""Builds a job's optimizer where it will train, takes two steps, and says what came of it: before any model is loaded."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.environment.conversation import Conversation, Fact, converse
from core.environment.model import Environment
from core.preflight.model import Built, Curve, Report, SweepPoint
from core.preflight.request import Question
from core.preflight.verdict import judge, no_trainer

TRAIN_UTIL = Path("library", "train_util.py")
SCRIPT = Path(__file__).with_name("child.py")
TIMEOUT = 60.0
"""Longest silence in seconds. All takes under ten on a machine that is awake; the first import of torch after a start of
Windows takes a minute on a slow disk."""


def preflight(
    asked: Question,
    environment: Environment | None,
    *,
    timeout: float = TIMEOUT,
    stop: threading.Event | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Report:
    """Asks a child process in the interpreter that will train. Never raises for what happens there.

    Args:
        asked: from `core.preflight.request.question`.
        environment: the Python and the checkout that train; None for the built-in trainer, in Caddie's own Python.
        timeout: longest silence, in seconds: one import, one step.
        stop: ends the child when set.
        on_step: called (in this thread) with the id of the part that begins.
    """
    started = time.monotonic()
    checkout = None if environment is None else environment.sd_scripts
    if environment is not None and (checkout is None or not (checkout / TRAIN_UTIL).is_file()):
        return Report(ending="unknown", problem=no_trainer(checkout))

    def take(fact: Fact) -> None:
        if on_step is not None and fact["kind"] == "begin":
            on_step(str(fact["step"]))

    python = Path(sys.executable) if environment is None else environment.python
    talk = converse(
        python,
        asked.request,
        timeout=timeout,
        folder=checkout,
        stop=stop,
        on_fact=take,
        script=SCRIPT,
    )
    report = replace(_report(talk, asked), seconds=time.monotonic() - started)
    return judge(report, talk, python, timeout, trial=bool(asked.request["trial"]))


def _report(talk: Conversation, asked: Question) -> Report:
    """All that was said, not yet judged."""
    device, built, stepped = talk.first("device"), talk.first("built"), talk.first("stepped")
    report = Report(
        ending="passed",
        groups=tuple(group.name for group in asked.groups),
        tensors=tuple(group.tensors for group in asked.groups),
        total_steps=asked.steps,
        curves=tuple(_curve(fact) for fact in talk.facts if fact["kind"] == "curve"),
        no_curves={str(fact["variant"]): str(fact["error"]) for fact in talk.facts if fact["kind"] == "no-curve"},
        sweep=tuple(
            SweepPoint(value=float(fact["value"]), rates=tuple(fact["rates"])) for fact in talk.facts if fact["kind"] == "swept"
        ),
    )
    if device is not None:
        report = replace(report, device=device["device"], device_name=device["name"], torch=device["torch"])
    if built is not None:
        report = replace(report, built=_built(built))
    if stepped is not None:
        report = replace(report, steps=stepped["steps"], step_seconds=stepped["seconds"], state_bytes=stepped["state_bytes"])
    return report


def _built(fact: Mapping[str, Any]) -> Built:
    return Built(
        name=fact["name"],
        arguments=fact["arguments"],
        defaults=dict(fact["defaults"]),
        scheduler=fact["scheduler"],
        rates=tuple(group["lr"] for group in fact["groups"]),
        warnings=tuple(fact["warnings"]),
    )


def _curve(fact: Mapping[str, Any]) -> Curve:
    return Curve(
        variant=fact["variant"],
        steps=tuple(fact["steps"]),
        rates=tuple(tuple(row) for row in fact["rates"]),
        d_rates=tuple(tuple(row) for row in fact["d_rates"]),
        effective=tuple(tuple(row) for row in fact["effective"]),
        loss=tuple(fact["loss"]),
        stride=fact["stride"],
        ended_early=fact["ended_early"],
    )
