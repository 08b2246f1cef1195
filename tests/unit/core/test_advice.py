"""Each rule of advice on jobs that must and must not trigger it; each fix silences its rule and brings no error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.advice.advise import RULES, advise
from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.job.model import Job
from core.job.store import save_job
from core.options.model import OptionValue

Options = dict[str, OptionValue]
_CATALOGUE = load_catalogue()
_FIXED_ADAFACTOR: Options = {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False"], "learning_rate": 1e-4}

TABLE: list[tuple[str, Options, Options]] = [
    ("optimizer.two-names", {"use_8bit_adam": True, "optimizer_type": "Lion"}, {"use_8bit_adam": True}),
    ("optimizer.two-names", {"use_8bit_adam": True, "use_lion_optimizer": True}, {"use_lion_optimizer": True}),
    (
        "clipping.fused",
        {"fused_backward_pass": True, "optimizer_type": "AdamW"},
        {"fused_backward_pass": True, "optimizer_type": "AdaFactor"},
    ),
    (
        "clipping.fused",
        {"fused_backward_pass": True, "optimizer_type": "AdaFactor", "gradient_accumulation_steps": 2},
        {"optimizer_type": "AdaFactor", "gradient_accumulation_steps": 2},
    ),
    ("scheduler.adafactor", {"lr_scheduler": "adafactor"}, {"lr_scheduler": "adafactor", "optimizer_type": "AdaFactor"}),
    ("scheduler.adafactor", {**_FIXED_ADAFACTOR, "lr_scheduler": "adafactor"}, {**_FIXED_ADAFACTOR}),
    (
        "scheduler.adafactor",
        {"lr_scheduler": "adafactor", "optimizer_type": "transformers.Adafactor"},
        {
            "lr_scheduler": "adafactor",
            "optimizer_type": "AdaFactor",
            "optimizer_args": ["relative_step=False", "warmup_init=True"],
        },
    ),
    ("scheduler.warmup-refused", {"lr_warmup_steps": 100}, {"lr_warmup_steps": 100, "lr_scheduler": "cosine"}),
    ("scheduler.warmup-refused", {"lr_warmup_steps": 0.1}, {"lr_warmup_steps": 0.0}),
    (
        "scheduler.warmup-refused",
        {"lr_warmup_steps": 5, "optimizer_type": "AdaFactor"},
        {"lr_warmup_steps": 5, "optimizer_type": "RAdamScheduleFree"},
    ),
    (
        "scheduler.warmup-refused",
        {"lr_warmup_steps": 5, "lr_scheduler": "cosine", "lr_scheduler_type": "CosineAnnealingLR"},
        {"lr_scheduler_type": "CosineAnnealingLR"},
    ),
    (
        "rate.low-factor",
        {"optimizer_type": "prodigy", "learning_rate": 1e-4},
        {"optimizer_type": "prodigy", "learning_rate": 0.5},
    ),
    ("rate.low-factor", {"optimizer_type": "DAdaptLion", "unet_lr": 0.1}, {"optimizer_type": "Lion", "unet_lr": 0.1}),
    ("rate.high", {"learning_rate": 1.0}, {"optimizer_type": "prodigy", "learning_rate": 1.0}),
    ("rate.missing", {"optimizer_type": "AdamW"}, {"optimizer_type": "AdaFactor"}),
    (
        "scheduler.ignored",
        {"optimizer_type": "prodigyplus.ProdigyPlusScheduleFree", "lr_scheduler": "cosine", "lr_warmup_steps": 10},
        {"optimizer_type": "prodigyplus.ProdigyPlusScheduleFree", "lr_scheduler": "constant"},
    ),
    ("scheduler.ignored", {"optimizer_type": "mine.OwnScheduleFree", "lr_scheduler": "cosine"}, {"lr_scheduler": "cosine"}),
    (
        "scheduler.long-warmup",
        {"lr_scheduler": "cosine", "lr_warmup_steps": 1600},
        {"lr_scheduler": "cosine", "lr_warmup_steps": 1600, "max_train_steps": 2000},
    ),
    (
        "scheduler.no-restarts",
        {"lr_scheduler": "cosine_with_restarts"},
        {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
    ),
    ("scheduler.unfit", {"optimizer_type": "prodigy"}, {"optimizer_type": "prodigy", "lr_scheduler": "cosine"}),
    (
        "scheduler.unfit",
        {"optimizer_type": "pytorch_optimizer.optimizer.emonavi.EmoNavi", "lr_scheduler": "cosine", "lr_warmup_steps": 9},
        {"optimizer_type": "pytorch_optimizer.optimizer.emonavi.EmoNavi"},
    ),
    ("clipping.adafactor", {**_FIXED_ADAFACTOR}, {**_FIXED_ADAFACTOR, "max_grad_norm": 0.0}),
]


def _rules(job: Job) -> list[str]:
    return [finding.rule for finding in advise(job, _CATALOGUE)]


@pytest.mark.parametrize(("rule", "wrong", "right"), TABLE)
def test_a_rule_speaks_where_it_must_and_only_there(rule: str, wrong: Options, right: Options) -> None:
    assert rule in _rules(Job(options=wrong))
    assert rule not in _rules(Job(options=right))


@pytest.mark.parametrize(("rule", "wrong", "right"), TABLE)
def test_a_fix_silences_its_rule_and_brings_no_error(rule: str, wrong: Options, right: Options) -> None:
    job = Job(options=dict(wrong))
    before = {finding.rule for finding in advise(job, _CATALOGUE) if finding.severity == "error"}
    finding = next(finding for finding in advise(job, _CATALOGUE) if finding.rule == rule)
    assert finding.fix is not None
    mended = finding.fix.apply(job)
    assert rule not in _rules(mended)
    assert {finding.rule for finding in advise(mended, _CATALOGUE) if finding.severity == "error"} <= before
    assert dict(job.options) == wrong, "undo is the job before"


def test_the_document_lists_every_rule_as_the_code_has_it() -> None:
    written = (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8")
    rows = [line for line in written.splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[:3] for row in rows] == [[f"| `{rule.id}`", rule.severity, rule.source.key] for rule in RULES]


def test_every_rule_is_in_the_table_and_has_its_source() -> None:
    assert {rule.id for rule in RULES} == {rule for rule, _, _ in TABLE}
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.source.title.en and rule.source.title.ja for rule in RULES)


@pytest.mark.parametrize("wrong", [wrong for _, wrong, _ in TABLE])
def test_findings_come_in_one_order_with_words_in_both_languages(wrong: Options) -> None:
    findings = advise(Job(options=wrong), _CATALOGUE)
    again = advise(Job(options=wrong), _CATALOGUE)
    assert [(one.rule, one.text, one.fields) for one in findings] == [(one.rule, one.text, one.fields) for one in again]
    ranks = [("error", "warning", "hint").index(one.severity) for one in findings]
    assert ranks == sorted(ranks)
    for one in findings:
        assert one.fields and one.text.en != one.text.ja
        assert one.fix is None or (one.fix.label.en and one.fix.label.ja)


def test_what_sd_scripts_does_is_not_said_of_the_builtin_trainer() -> None:
    job = Job(options={"lr_warmup_steps": 100, "optimizer_type": "prodigy", "learning_rate": 1e-4}, engine="builtin")
    assert "scheduler.warmup-refused" not in _rules(job)
    assert "rate.low-factor" in _rules(job)


def test_the_verb_lists_faults_and_advice_and_says_what_a_fix_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "job.toml"
    save_job(Job(options={"optimizer_type": "prodigy", "learning_rate": 1e-4, "lr_scheduler": "cosine"}), path)
    assert run(["advise", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert next(one["fields"] for one in found if one["severity"] == "error") == ["option:pretrained_model_name_or_path"]
    advice = next(one for one in found if one["rule"] == "rate.low-factor")
    assert advice["fix"]["changes"] == {"option:learning_rate": [1e-4, 1.0]}
    assert run(["advise", str(path)]) == 1
    assert "rate" in capsys.readouterr().out


def test_a_config_file_may_hold_what_a_rule_would_miss() -> None:
    assert "scheduler.warmup-refused" in _rules(Job(options={"lr_warmup_steps": 100}))
    assert not _rules(Job(options={"lr_warmup_steps": 100, "config_file": "own.toml"}))
