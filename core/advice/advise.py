"""All rules, and what they say of a job."""

from __future__ import annotations

from core.advice import combinations, emo, groups, names, optimizers, schedulers, silent, traps
from core.advice.disk import FACT_RULES, FactRule
from core.advice.facts import Facts
from core.advice.model import Finding, Rule, Subject, subject_of
from core.advice.place import PLACE_RULES
from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_sources
from core.environment.model import ProbeReport
from core.job.model import Job

_SOURCES = load_sources()
SD_SCRIPTS = _SOURCES["sd-scripts"]
"""The behaviour of sd-scripts, as a source."""
_REFERENCE = _SOURCES["reference-text"]

RULES = (
    Rule("optimizer.two-names", "error", SD_SCRIPTS, optimizers.two_names),
    Rule("optimizer.no-such-class", "error", SD_SCRIPTS, names.no_such_optimizer),
    Rule("clipping.fused", "error", SD_SCRIPTS, optimizers.fused_elsewhere),
    Rule("scheduler.adafactor", "error", SD_SCRIPTS, schedulers.adafactor_alone),
    Rule("scheduler.warmup-refused", "error", SD_SCRIPTS, schedulers.warmup_refused),
    Rule("scheduler.no-such-class", "error", SD_SCRIPTS, schedulers.no_such_class),
    Rule("scheduler.no-such-name", "error", SD_SCRIPTS, names.no_such_scheduler),
    Rule("scheduler.incomplete", "error", SD_SCRIPTS, names.scheduler_lacks),
    Rule("scheduler.class-argument", "error", SD_SCRIPTS, schedulers.class_lacks_argument),
    Rule("rate.several", "error", _SOURCES["prodigyopt"], groups.several_rates),
    Rule("network.lora-plus", "error", _SOURCES["prodigyopt"], groups.lora_plus),
    Rule("rate.nothing-trained", "error", SD_SCRIPTS, groups.nothing_trained),
    Rule("cache.latents", "error", SD_SCRIPTS, combinations.latents_and_augmentation),
    Rule("cache.captions", "error", SD_SCRIPTS, combinations.text_and_shuffling),
    Rule("cache.text-encoder", "error", SD_SCRIPTS, combinations.text_cached_and_trained),
    Rule("precision.full", "error", SD_SCRIPTS, combinations.low_precision),
    Rule("noise.adaptive", "error", SD_SCRIPTS, combinations.needs_noise_offset),
    Rule("objective.prediction", "error", SD_SCRIPTS, combinations.prediction_type),
    Rule("log.folder", "error", SD_SCRIPTS, combinations.logging_folder),
    Rule("model.sdxl-v2", "error", SD_SCRIPTS, combinations.sdxl_and_v2),
    Rule("data.resolution", "error", SD_SCRIPTS, combinations.resolution),
    Rule("data.buckets", "error", SD_SCRIPTS, traps.buckets),
    Rule("data.workers", "error", SD_SCRIPTS, traps.workers),
    Rule("number.out-of-range", "error", SD_SCRIPTS, traps.out_of_range),
    Rule("network.rank-of-nothing", "error", SD_SCRIPTS, traps.rank_of_nothing),
    Rule("sample.no-prompts", "error", SD_SCRIPTS, traps.samples_of_nothing),
    Rule("rate.low-factor", "warning", _REFERENCE, optimizers.low_factor),
    Rule("rate.high", "warning", _REFERENCE, optimizers.high_manual),
    Rule("rate.missing", "warning", SD_SCRIPTS, optimizers.no_rate),
    Rule("rate.forgotten-part", "warning", SD_SCRIPTS, groups.forgotten_part),
    Rule("rate.first-only", "warning", SD_SCRIPTS, groups.first_text_rate),
    Rule("rate.ignored", "warning", SD_SCRIPTS, groups.rate_ignored),
    Rule("rate.untrained-part", "warning", SD_SCRIPTS, traps.untrained_part),
    Rule("rate.scaled", "warning", _SOURCES["transformers"], traps.scaled_rate),
    Rule("argument.warmup-init", "warning", SD_SCRIPTS, traps.warmup_init_wins),
    Rule("precision.fp16-weights", "warning", _SOURCES["measured"], traps.fp16_weights),
    Rule("precision.bf16-weights", "warning", _SOURCES["measured"], traps.bf16_weights),
    Rule("data.config-wins", "warning", SD_SCRIPTS, traps.config_wins),
    Rule("data.timesteps", "warning", SD_SCRIPTS, traps.timesteps),
    Rule("rate.came", "warning", _REFERENCE, groups.came_high),
    Rule("scheduler.ignored", "warning", SD_SCRIPTS, schedulers.ignored),
    Rule("scheduler.long-warmup", "warning", SD_SCRIPTS, schedulers.long_warmup),
    Rule("scheduler.own-class", "warning", SD_SCRIPTS, schedulers.own_class_wins),
    Rule("emo.loss", "warning", SD_SCRIPTS, emo.no_loss),
    Rule("network.dylora", "warning", _REFERENCE, combinations.dylora),
    Rule("objective.zero-terminal", "warning", SD_SCRIPTS, combinations.zero_terminal),
    Rule("run.no-steps", "warning", SD_SCRIPTS, silent.no_steps),
    Rule("cache.nan-vae", "warning", SD_SCRIPTS, silent.nan_vae),
    Rule("caption.dropped", "warning", SD_SCRIPTS, silent.captions_dropped),
    Rule("caption.cached", "warning", SD_SCRIPTS, silent.dropout_of_cached),
    Rule("model.clip-skip", "warning", SD_SCRIPTS, silent.clip_skip),
    Rule("rate.lion", "hint", _SOURCES["lion-paper"], groups.lion_high),
    Rule("scheduler.no-restarts", "hint", SD_SCRIPTS, schedulers.no_restarts),
    Rule("scheduler.unused", "hint", SD_SCRIPTS, schedulers.unused),
    Rule("scheduler.unfit", "hint", _REFERENCE, schedulers.unfit),
    Rule("emo.rank", "hint", _REFERENCE, emo.rank_and_alpha),
    Rule("emo.modifiers", "hint", _REFERENCE, emo.modifiers),
    Rule("optimizer.momentum", "hint", SD_SCRIPTS, combinations.momentum),
    Rule("clipping.adafactor", "hint", SD_SCRIPTS, optimizers.clipped_twice),
    Rule("clipping.by-default", "hint", _SOURCES["prodigyplus"], traps.clipping_by_default),
    Rule("argument.safeguard-warmup", "hint", _SOURCES["prodigyopt"], traps.unguarded_warmup),
    Rule("model.sdxl-clip-skip", "hint", SD_SCRIPTS, combinations.sdxl_and_clip_skip),
    Rule("clipping.fused-network", "hint", SD_SCRIPTS, silent.fused_of_network),
    Rule("sample.epochs-win", "hint", SD_SCRIPTS, silent.epochs_win),
    Rule("network.no-alpha", "hint", SD_SCRIPTS, traps.alpha_not_given),
)
"""The errors first, then warnings, then hints: the order in which the findings come."""


def advise(job: Job, catalogue: Catalogue, facts: Facts | None = None, report: ProbeReport | None = None) -> list[Finding]:
    """What the rules say of a job; reads no file and no environment by itself.

    What sd-scripts does is said only of a job that sd-scripts trains. Of a job with a `config_file` of its own nothing is
    said: that may hold the options which a rule would miss.

    Args:
        job: the job.
        catalogue: knows the optimizers.
        facts: what was seen on the disk; without them the rules that need them are silent.
        report: of the environment that trains; without it, or where it has a problem of its own, its rules are silent.
    """
    subject = subject_of(job, catalogue.find_for_options(job.options), catalogue)
    if job.options.get("config_file"):
        missing = next(rule for rule in FACT_RULES if rule.id == "file.missing")
        return _of_disk((missing,), subject, facts)
    found = [
        Finding(rule.id, rule.severity, trouble.text, trouble.fields, rule.source, trouble.fix)
        for rule in RULES
        if job.engine == "sd-scripts" or rule.source is not SD_SCRIPTS
        for trouble in rule.check(subject)
    ]
    found += _of_disk(FACT_RULES, subject, facts)
    if report is not None and report.problem is None and job.engine == "sd-scripts":
        found += [
            Finding(rule.id, rule.severity, trouble.text, trouble.fields, SD_SCRIPTS, trouble.fix)
            for rule in PLACE_RULES
            for trouble in rule.check(subject, report)
        ]
    return found


def _of_disk(rules: tuple[FactRule, ...], subject: Subject, facts: Facts | None) -> list[Finding]:
    if facts is None:
        return []
    return [
        Finding(rule.id, rule.severity, trouble.text, trouble.fields, SD_SCRIPTS, trouble.fix)
        for rule in rules
        if subject.job.engine == "sd-scripts" or rule.of_both
        for trouble in rule.check(subject, facts)
    ]
