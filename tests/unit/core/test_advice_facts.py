"""Rules that look at the disk: real folders and files that must and that must not trigger them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.advice.advise import advise
from core.advice.disk import FACT_RULES
from core.advice.facts import Facts, gather_facts, paths_of
from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.job.model import Job
from core.job.store import save_job
from core.training.models.family import Family, ModelFacts, Prediction

CATALOGUE = load_catalogue()
SDXL = "sdxl_train_network.py"


def _rules(job: Job, facts: Facts | None = None) -> list[str]:
    known = {rule.id for rule in FACT_RULES}
    return [one.rule for one in advise(job, CATALOGUE, facts or gather_facts(job)) if one.rule in known]


def _finding(rule: str, job: Job, facts: Facts | None = None):
    return next(one for one in advise(job, CATALOGUE, facts or gather_facts(job)) if one.rule == rule)


def _images(folder: Path, count: int, *endings: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(count):
        (folder / f"絵 {place}.png").write_bytes(b"")
        for ending in endings:
            (folder / f"絵 {place}{ending}").write_text("a cat", encoding="utf-8")


def _model(family: Family, prediction: Prediction = "epsilon") -> Facts:
    model = ModelFacts(
        path=Path("m.safetensors"), layout="single-file", family=family, prediction=prediction, dtype="float16", has_vae=True
    )
    return Facts(model=model)


def test_what_is_not_there_is_named_with_its_whole_path(tmp_path):
    job = Job(options={"pretrained_model_name_or_path": str(tmp_path / "no.safetensors"), "vae": "stabilityai/vae"})
    found = [one for one in advise(job, CATALOGUE, gather_facts(job)) if one.rule == "file.missing"]
    assert [one.fields for one in found] == [("option:pretrained_model_name_or_path",)]
    assert str(tmp_path / "no.safetensors") in found[0].text.en
    (tmp_path / "no.safetensors").write_bytes(b"")
    assert _rules(job) == []


def test_relative_paths_start_where_sd_scripts_runs(tmp_path):
    job = Job(options={"train_data_dir": "images", "pretrained_model_name_or_path": "models/m.safetensors"})
    assert gather_facts(job).paths == {}, "nobody knows yet from where"
    assert gather_facts(job, tmp_path).paths == {"train_data_dir": "missing"}, "the model may be one of a hub"
    (tmp_path / "images").mkdir()
    assert gather_facts(job, tmp_path).paths == {"train_data_dir": "folder"}


def test_images_directly_in_the_folder(tmp_path):
    _images(tmp_path, 3, ".txt")
    job = Job(options={"train_data_dir": str(tmp_path), "caption_extension": ".txt"})
    assert _rules(job) == ["data.no-images"]
    assert "3 images" in _finding("data.no-images", job).text.en
    _images(tmp_path / "10_cat", 1, ".txt")
    assert _rules(job) == ["data.passed-over"]


def test_a_folder_without_repeats(tmp_path):
    _images(tmp_path / "cat", 2, ".txt")
    job = Job(options={"train_data_dir": str(tmp_path), "caption_extension": ".txt"})
    assert "10_cat" in _finding("data.no-images", job).text.en
    (tmp_path / "cat").rename(tmp_path / "10_cat")
    assert _rules(job) == []


def test_captions_with_another_ending_are_found_and_mended(tmp_path):
    _images(tmp_path / "5_猫", 2, ".txt")
    job = Job(options={"train_data_dir": str(tmp_path)})
    finding = _finding("data.caption-ending", job)
    assert finding.fix is not None
    mended = finding.fix.apply(job)
    assert mended.options["caption_extension"] == ".txt"
    assert _rules(mended) == []


def test_a_few_images_without_caption_are_counted(tmp_path):
    _images(tmp_path / "5_cat", 3, ".caption")
    (tmp_path / "5_cat" / "絵 1.caption").unlink()
    job = Job(options={"train_data_dir": str(tmp_path)})
    assert _rules(job) == ["data.no-caption"]
    assert "5_cat 1" in _finding("data.no-caption", job).text.en


def test_a_caption_ending_without_its_dot_is_the_same(tmp_path):
    _images(tmp_path / "5_cat", 2, ".txt")
    (tmp_path / "5_cat" / "絵 1.txt").unlink()
    job = Job(options={"train_data_dir": str(tmp_path), "caption_extension": "txt"})
    assert _rules(job) == ["data.no-caption"]


def test_missing_prompts_only_cost_the_samples_and_a_state_of_the_hub_is_no_path(tmp_path):
    job = Job(options={"sample_prompts": str(tmp_path / "no.txt"), "resume": str(tmp_path / "user/repo")})
    assert _rules(job) == ["file.missing", "file.prompts"]
    assert _rules(job.with_option("resume_from_huggingface", True)) == ["file.prompts"]


def test_a_dataset_config_says_where_the_images_are(tmp_path):
    _images(tmp_path, 1)
    job = Job(options={"train_data_dir": str(tmp_path), "dataset_config": str(tmp_path / "d.toml")})
    (tmp_path / "d.toml").write_text("", encoding="utf-8")
    assert _rules(job) == []


@pytest.mark.parametrize(
    ("family", "script", "options", "rule"),
    [
        ("sdxl", "train_network.py", {}, "model.script"),
        ("sd1", SDXL, {}, "model.script"),
        ("sdxl", SDXL, {}, None),
        ("sd1", "train_network.py", {}, None),
        ("sd2", "train_network.py", {}, "model.v2"),
        ("sd2", "train_network.py", {"v2": True}, None),
        ("sd1", "train_network.py", {"v2": True}, "model.v2"),
        ("sdxl", SDXL, {"resolution": "512"}, "data.size"),
        ("sdxl", SDXL, {"resolution": "1024,1024"}, None),
        ("sd1", "train_network.py", {"resolution": "1024,1024"}, "data.size"),
        ("sdxl", "flux_train_network.py", {}, None),
    ],
)
def test_the_model_and_the_job_fit(family, script, options, rule):
    assert _rules(Job(options=options, script=script), _model(family)) == ([rule] if rule else [])


def test_a_model_that_predicts_v():
    job = Job(options={}, script=SDXL)
    finding = _finding("model.prediction", job, _model("sdxl", "v_prediction"))
    assert finding.fix is not None
    assert _rules(finding.fix.apply(job), _model("sdxl", "v_prediction")) == []


def test_a_lora_of_that_name_is_there_already(tmp_path):
    job = Job(options={"output_dir": str(tmp_path), "output_name": "猫"})
    assert "file.overwrites" not in _rules(job)
    (tmp_path / "猫.safetensors").write_bytes(b"")
    assert "file.overwrites" in _rules(job)
    assert "file.overwrites" not in _rules(job.with_option("save_model_as", "ckpt"))
    assert "file.overwrites" in _rules(replace(job, engine="builtin"))


def test_an_output_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert "file.output" in _rules(Job(options={"output_dir": str(tmp_path / "out")}))
    assert "file.output" not in _rules(Job(options={"output_dir": str(tmp_path / "new" / "deeper")}))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere; Windows knows no such bit")
def test_an_output_folder_that_nobody_may_write_to(tmp_path):
    tmp_path.chmod(0o500)
    assert "file.output" in _rules(Job(options={"output_dir": str(tmp_path)}))
    tmp_path.chmod(0o700)


def test_little_room_and_long_paths():
    job = Job(options={"output_name": "lora"})
    assert _rules(job, Facts(free_bytes=10**8)) == ["file.space"]
    assert _rules(job, Facts(free_bytes=10**11, writable=True)) == []
    long = Facts(absolute={"output_dir": "C:\\" + "x" * 230}, paths={"output_dir": "folder"}, windows=True)
    assert _rules(job, long) == ["file.long-path"]
    assert _rules(job, replace(long, windows=False)) == []
    assert _rules(job, replace(long, absolute={"output_dir": "C:\\lora"})) == []


def test_a_scan_that_takes_too_long_says_nothing_of_what_it_did_not_see(tmp_path):
    _images(tmp_path / "cat", 2)
    job = Job(options={"train_data_dir": str(tmp_path)})
    assert not gather_facts(job, seconds=-1.0).whole
    assert _rules(job, gather_facts(job, seconds=-1.0)) == []


def test_only_paths_and_names_make_the_disk_worth_another_look():
    job = Job(options={"output_dir": "a", "learning_rate": 1.0})
    assert paths_of(job) == paths_of(job.with_option("learning_rate", 0.5))
    assert paths_of(job) != paths_of(job.with_option("output_name", "b"))


def test_every_rule_is_documented():
    written = (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8")
    for rule in FACT_RULES:
        assert f"| disk: `{rule.id}` | {rule.severity}" in written, rule.id


def test_the_verb_looks_at_the_disk(tmp_path, capsys):
    save_job(Job(options={"train_data_dir": str(tmp_path / "none"), "resolution": "512"}), tmp_path / "job.toml")
    assert run(["advise", str(tmp_path / "job.toml"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert any(one["rule"] == "file.missing" for one in found)
