"""Which arguments of Prodigy+ScheduleFree are refused, and which exclude each other."""

from __future__ import annotations

import logging

from optimizers.machinery.batch import Group
from optimizers.machinery.checks import check_positive

_log = logging.getLogger(__name__)


def check_arguments(defaults: Group) -> None:
    """Refuses what the reference refuses.

    Raises:
        ValueError: a value is out of its range.
    """
    check_positive("d0", defaults["d0"])
    check_positive("learning rate", defaults["lr"])
    for name in ("weight_decay", "schedulefree_c", "prodigy_steps"):
        if defaults[name] < 0:
            raise ValueError(f"Invalid {name} value: {defaults[name]}")
    if defaults["eps"] is not None:
        check_positive("eps", defaults["eps"])
    betas = defaults["betas"]
    if len(betas) != 2:
        raise ValueError(f"Invalid betas: {betas}: 2 numbers are wanted")
    beta1, beta2 = betas
    for name, beta in (("first of betas", beta1), ("second of betas", beta2), ("beta3", defaults["beta3"])):
        if beta is None and name == "beta3":
            continue
        if beta is None or not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid {name}: {beta}")


def settle_arguments(defaults: Group) -> None:
    """Where arguments exclude each other: which of them is switched off, as the reference does it."""
    if defaults["eps"] is None and defaults["use_stableadamw"]:
        _log.info("eps=None is Adam-atan2: use_stableadamw is switched off")
        defaults["use_stableadamw"] = False
    if defaults["use_speed"] and defaults["weight_decay"] > 0:
        _log.warning("weight_decay can make use_speed unstable: try lower values if training becomes unstable")
    if defaults["use_cautious"] and defaults["use_grams"]:
        _log.info("use_cautious excludes use_grams, which is switched off")
        defaults["use_grams"] = False
    if defaults["use_focus"]:
        if defaults["factored"]:
            _log.info("use_focus excludes factored, which is switched off")
            defaults["factored"] = False
        if defaults["eps"] is None:
            _log.info("use_focus excludes Adam-atan2: eps=None has no effect")
