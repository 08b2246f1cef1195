"""All rules, and what they say of a job."""

from __future__ import annotations

from core.advice import optimizers, schedulers
from core.advice.model import Finding, Rule, subject_of
from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import Source
from core.job.model import Job
from core.text import Text

_SD_SCRIPTS = Source(
    key="sd-scripts",
    title=Text("sd-scripts, its source and behaviour (v0.10.1)", "sd-scripts のソースと実際の動作 (v0.10.1)"),
    link="https://github.com/kohya-ss/sd-scripts",
)
_REFERENCE = Source(
    key="reference-text",
    title=Text("Wiki article on optimizers for image-generation AI (Japanese)", "Wiki「画像生成AIにおけるオプティマイザー」"),
)

RULES = (
    Rule("optimizer.two-names", "error", _SD_SCRIPTS, optimizers.two_names),
    Rule("clipping.fused", "error", _SD_SCRIPTS, optimizers.fused_elsewhere),
    Rule("scheduler.adafactor", "error", _SD_SCRIPTS, schedulers.adafactor_alone),
    Rule("scheduler.warmup-refused", "error", _SD_SCRIPTS, schedulers.warmup_refused),
    Rule("rate.low-factor", "warning", _REFERENCE, optimizers.low_factor),
    Rule("rate.high", "warning", _REFERENCE, optimizers.high_manual),
    Rule("rate.missing", "warning", _SD_SCRIPTS, optimizers.no_rate),
    Rule("scheduler.ignored", "warning", _SD_SCRIPTS, schedulers.ignored),
    Rule("scheduler.long-warmup", "warning", _SD_SCRIPTS, schedulers.long_warmup),
    Rule("scheduler.no-restarts", "hint", _SD_SCRIPTS, schedulers.no_restarts),
    Rule("scheduler.unfit", "hint", _REFERENCE, schedulers.unfit),
    Rule("clipping.adafactor", "hint", _SD_SCRIPTS, optimizers.clipped_twice),
)
"""The errors first, then warnings, then hints: the order in which the findings come."""


def advise(job: Job, catalogue: Catalogue) -> list[Finding]:
    """What the rules say of a job; reads no file and no environment.

    What sd-scripts does is said only of a job that sd-scripts trains. Of a job with a `config_file` of its own nothing is
    said: that may hold the options which a rule would miss.
    """
    if job.options.get("config_file"):
        return []
    subject = subject_of(job, catalogue.find_for_options(job.options))
    return [
        Finding(rule.id, rule.severity, trouble.text, trouble.fields, rule.source, trouble.fix)
        for rule in RULES
        if job.engine == "sd-scripts" or rule.source is not _SD_SCRIPTS
        for trouble in rule.check(subject)
    ]
