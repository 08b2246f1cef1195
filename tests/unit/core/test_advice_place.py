"""Rules that look at an environment's probe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.advice.advise import RULES, advise
from core.advice.disk import FACT_RULES
from core.advice.place import PLACE_RULES
from core.catalogue.loader import load_catalogue
from core.cli.environment import store
from core.cli.main import run
from core.environment.discover import make_environment
from core.environment.model import GpuReport, ProbeReport
from core.environment.reports import users_reports
from core.job.model import Job
from core.job.store import save_job
from core.text import Text
from tests.helpers.environments import package, report_of

CATALOGUE = load_catalogue()
OLD, NEW = (
    GpuReport(name="GTX 1080", memory=8 * 1024**3, capability="6.1"),
    GpuReport(name="RTX 4090", memory=24 * 1024**3, capability="8.9"),
)


NEWEST = GpuReport(name="RTX 5090", memory=32 * 1024**3, capability="12.0")
EIGHT = {"optimizer_type": "AdamW8bit", "learning_rate": 1e-4}


def _bnb(version: str):
    return package("bitsandbytes", version, True)


def _rules(job: Job, report: ProbeReport) -> list[str]:
    known = {rule.id for rule in PLACE_RULES}
    return [one.rule for one in advise(job, CATALOGUE, None, report) if one.rule in known]


def _job(**options) -> Job:
    return Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0, "lr_scheduler": "cosine", **options})


THERE = package("prodigyopt", "1.1.2", True)


@pytest.mark.parametrize(
    ("options", "report", "rules"),
    [
        ({}, report_of(THERE), []),
        ({}, report_of(package("prodigyopt", None, None)), ["environment.optimizer"]),
        ({}, report_of(package("prodigyopt", "1.1.2", False, "ImportError: DLL load failed")), ["environment.optimizer"]),
        ({"optimizer_type": "AdamW"}, report_of(package("prodigyopt", None, None)), []),
        ({}, report_of(THERE, cuda_version=None, cuda_available=False), ["environment.no-gpu"]),
        ({}, report_of(THERE, cuda_available=False, gpu_problem="driver too old"), ["environment.no-gpu"]),
        ({}, report_of(THERE, cuda_version=None, cuda_available=False, platform="darwin"), []),
        ({"mixed_precision": "bf16"}, report_of(THERE, gpus=(OLD,)), ["environment.bfloat16"]),
        ({"mixed_precision": "bf16"}, report_of(THERE, gpus=(NEW,)), []),
        ({"mixed_precision": "fp16"}, report_of(THERE, gpus=(OLD,)), []),
        ({"mixed_precision": "bf16"}, report_of(THERE, gpus=(replace(OLD, capability="gfx1100"),)), []),
        ({"xformers": True}, report_of(THERE, package("xformers", None, None)), ["environment.xformers"]),
        ({"xformers": True}, report_of(THERE, package("xformers", "0.0.30", True)), []),
        (EIGHT, report_of(_bnb("0.45.2"), gpus=(NEWEST,), cuda_version="12.8"), ["environment.eight-bit"]),
        (EIGHT, report_of(_bnb("0.45.3"), gpus=(NEWEST,), cuda_version="12.8"), []),
        (EIGHT, report_of(_bnb("0.44.0"), gpus=(NEW,), cuda_version="12.4"), []),
        (EIGHT, report_of(_bnb("0.48.0"), gpus=(OLD,), cuda_version="12.8"), ["environment.eight-bit"]),
        (EIGHT, report_of(_bnb("0.48.0"), gpus=(OLD,), cuda_version="12.6"), []),
        (
            EIGHT,
            report_of(_bnb("0.48.0"), gpus=(replace(OLD, capability="7.0"),), cuda_version="13.0"),
            ["environment.eight-bit"],
        ),
        ({"optimizer_type": "AdamW"}, report_of(_bnb("0.45.2"), gpus=(NEWEST,), cuda_version="12.8"), []),
        ({"sdpa": True}, report_of(THERE, package("xformers", None, None)), []),
    ],
)
def test_a_rule_speaks_where_it_must_and_only_there(options, report, rules):
    assert _rules(_job(**options), report) == rules


def test_fixes_silence_their_rule():
    for options, report in (
        ({"mixed_precision": "bf16"}, report_of(THERE, gpus=(OLD,))),
        ({"xformers": True}, report_of(THERE, package("xformers", None, None))),
    ):
        job = _job(**options)
        finding = next(one for one in advise(job, CATALOGUE, None, report) if one.rule.startswith("environment."))
        assert finding.fix is not None
        assert _rules(finding.fix.apply(job), report) == []


def test_an_environment_that_did_not_answer_and_the_builtin_trainer_are_left_alone():
    missing = report_of(package("prodigyopt", None, None))
    assert _rules(_job(), replace(missing, problem=Text("No answer.", "応答がありません。"))) == []
    assert _rules(replace(_job(), engine="builtin"), missing) == []


def test_every_rule_is_documented():
    written = (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8")
    for rule in PLACE_RULES:
        assert f"| place: `{rule.id}` | {rule.severity}" in written, rule.id


def test_every_error_is_written_down_as_it_was_seen_with_sd_scripts():
    written = (
        (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8").partition("## The errors are true")[2]
    )
    for rule in (*RULES, *FACT_RULES, *PLACE_RULES):
        assert rule.severity != "error" or f"\n| {rule.id} | " in written, rule.id


def test_the_verb_takes_what_was_probed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    checkout = Path(__file__).parents[2] / "helpers" / "checkout"
    environment = make_environment(Path("/usr/bin/python3"), checkout)
    store().add(environment)
    save_job(_job(), tmp_path / "job.toml")
    arguments = ["advise", str(tmp_path / "job.toml"), "--environment", environment.name, "--json"]
    run(arguments)
    captured = capsys.readouterr()
    assert "not probed" in captured.err or "確認されていない" in captured.err
    users_reports().save(environment.id, report_of(package("prodigyopt", None, None)))
    assert run(arguments) == 1
    found = json.loads(capsys.readouterr().out)
    assert any(one["rule"] == "environment.optimizer" for one in found)
