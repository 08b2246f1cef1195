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
from core.advice.images import look_at_images
from core.advice.review import review
from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.job.model import Job
from core.job.store import save_job
from core.options.snapshot import snapshot_for
from core.training.models.family import Family, ModelFacts, Prediction

CATALOGUE = load_catalogue()
SDXL = "sdxl_train_network.py"
CONFIG = '[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = "images"\n'


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


def test_regularization_images_that_are_not_there_are_left_out_in_silence(tmp_path):
    job = Job(options={"reg_data_dir": str(tmp_path / "reg")})
    assert _rules(job) == ["file.regularization"]
    (tmp_path / "reg").mkdir()
    assert _rules(job) == []


def test_a_dataset_config_says_where_the_images_are(tmp_path):
    _images(tmp_path, 1)
    job = Job(options={"train_data_dir": str(tmp_path), "dataset_config": str(tmp_path / "d.toml")})
    (tmp_path / "d.toml").write_text(CONFIG, encoding="utf-8")
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
        ("sd2", "train_network.py", {"v2": True, "v_parameterization": True, "resolution": "512"}, "data.size"),
        ("sd2", "train_network.py", {"v2": True, "v_parameterization": True, "resolution": "768"}, None),
        ("sd2", "train_network.py", {"v2": True, "resolution": "512"}, None),
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
    (tmp_path / "猫-2-000001.safetensors").write_bytes(b"")
    finding = _finding("file.overwrites", job)
    assert finding.fix is not None
    assert finding.fix.apply(job).options["output_name"] == "猫-3"
    assert "file.overwrites" not in _rules(finding.fix.apply(job), gather_facts(job)), "mended before the disk is seen again"


@pytest.mark.parametrize(
    ("there", "options", "named"),
    [
        ("a-step00000200.safetensors", {"save_every_n_steps": 100, "max_train_steps": 400}, True),
        ("a-step00000200.safetensors", {"save_every_n_steps": 150, "max_train_steps": 400}, False),
        ("a-step00000500.safetensors", {"save_every_n_steps": 100, "max_train_steps": 400}, False),
        ("a-step00000500.safetensors", {"save_every_n_steps": 100, "max_train_epochs": 4}, True),
        ("a-step00000200.safetensors", {"max_train_steps": 400}, False),
        ("a-000003.safetensors", {"save_every_n_epochs": 1, "max_train_epochs": 4}, True),
        ("a-000004.safetensors", {"save_every_n_epochs": 1, "max_train_epochs": 4}, False),
        ("a-000003.ckpt", {"save_every_n_epochs": 1, "max_train_epochs": 4}, False),
        ("a-step00000200-state", {"save_every_n_steps": 100, "max_train_steps": 400}, False),
        ("a-step00000200-state", {"save_every_n_steps": 100, "max_train_steps": 400, "save_state": True}, True),
        ("a-state", {"save_state_on_train_end": True}, True),
        ("a-state", {}, False),
        ("a-other.safetensors", {"save_every_n_steps": 100}, False),
        ("ab.safetensors", {}, False),
    ],
)
def test_only_what_the_training_would_write_is_called_overwritten(tmp_path, there, options, named):
    (tmp_path / there).mkdir() if there.endswith("state") else (tmp_path / there).write_bytes(b"")
    job = Job(options={"output_dir": str(tmp_path), "output_name": "a", **options})
    assert ("file.overwrites" in _rules(job)) is named


def test_the_room_is_held_against_what_will_be_saved():
    options = {"network_module": "networks.lora", "network_dim": 32, "save_precision": "fp16", "max_train_steps": 1000}
    facts = replace(_model("sd1"), free_bytes=200 * 1024**2)
    job = Job(options=options)  # a LoRA of 36 MiB
    assert _rules(job, facts) == []
    every = job.with_option("save_every_n_steps", 100)
    assert _rules(every, facts) == ["file.space"]
    assert "11 × 36 MiB" in _finding("file.space", every, facts).text.en
    assert _rules(every.with_option("save_last_n_steps", 100), facts) == []
    assert _rules(job.with_option("save_state", True), facts) == ["file.space"], "a state is six times as large"
    epochs = job.with_option("save_every_n_epochs", 1).with_option("max_train_epochs", 12)
    assert _rules(epochs, facts) == ["file.space"]
    only = every.with_option("network_train_unet_only", True).with_option("network_dim", 8)
    assert _rules(only, facts) == []


def test_a_caption_without_a_byte_stops_it_and_is_named(tmp_path):
    _images(tmp_path / "5_cat", 2, ".txt")
    job = Job(options={"train_data_dir": str(tmp_path), "caption_extension": ".txt"})
    assert _rules(job) == []
    (tmp_path / "5_cat" / "絵 1.txt").write_bytes(b"")
    (tmp_path / "5_cat" / "note.txt").write_bytes(b"")
    assert _rules(job) == ["caption.empty"]
    told = _finding("caption.empty", job).text.en
    assert "5_cat/絵 1.txt" in told
    assert "note" not in told
    assert _rules(job.with_option("caption_extension", ".tags")) == []


def test_a_large_folder_is_left_in_the_middle_when_the_time_is_over(tmp_path, monkeypatch):
    _images(tmp_path / "5_cat", 700)
    ticks = iter(range(10_000))
    monkeypatch.setattr("core.advice.images.time.monotonic", lambda: next(ticks))
    seen = look_at_images(str(tmp_path), (".txt",), 2.0)
    assert not seen.whole
    assert seen.folders == (), "half a folder says nothing of its captions"
    monkeypatch.undo()
    folders = look_at_images(str(tmp_path), (".txt",), 60.0).folders
    assert folders is not None
    assert [one.images for one in folders] == [700]


def test_the_faults_of_a_dataset_config_are_told(tmp_path):
    path = tmp_path / "d.toml"
    job = Job(options={"dataset_config": str(path)})
    path.write_text(CONFIG.replace("resolution", "resolutoin"), encoding="utf-8")
    finding = _finding("data.config", job)
    assert "resolutoin" in finding.text.en
    assert "resolution" in finding.text.en
    path.write_text(CONFIG, encoding="utf-8")
    assert _rules(job) == []
    twice = CONFIG + '[[datasets.subsets]]\nimage_dir = "images"\n'
    path.write_text(twice, encoding="utf-8")
    assert _rules(job) == ["data.config-doubt"]
    path.write_text("[general]\n" + "\n".join(f"zzz{number} = 1" for number in range(30)), encoding="utf-8")
    assert _rules(job).count("data.config") == 9, "eight and the number of the others"


@pytest.mark.parametrize(
    ("key", "options", "named"),
    [
        ("shuffle_caption = true", {"cache_text_encoder_outputs": True}, True),
        ("shuffle_caption = false", {"cache_text_encoder_outputs": True}, False),
        ("shuffle_caption = true", {}, False),
        ("random_crop = true", {"cache_latents": True}, True),
        ("random_crop = true", {"cache_text_encoder_outputs": True}, False),
    ],
)
def test_a_cache_of_the_job_beside_a_dataset_config_that_changes_it(tmp_path, key, options, named):
    (tmp_path / "d.toml").write_text(f"{CONFIG}{key}\n", encoding="utf-8")
    job = Job(options={"dataset_config": str(tmp_path / "d.toml"), "network_train_unet_only": True, **options}, script=SDXL)
    assert ("cache.config" in _rules(job)) is named
    if named:
        finding = _finding("cache.config", job)
        assert finding.fix is not None
        assert "cache.config" not in _rules(finding.fix.apply(job))


def _checkout(folder: Path, *names: str, schedule_free: bool = False) -> Path:
    lines = "".join(f'    if optimizer_type == "{name}".lower():\n        pass\n' for name in ("AdamW", "Prodigy", *names))
    after = "def is_schedulefree_optimizer():\n    pass\n" if schedule_free else "def other():\n    pass\n"
    (folder / "library").mkdir(parents=True)
    (folder / "library" / "train_util.py").write_text(f"\ndef get_optimizer(args):\n{lines}\n{after}", encoding="utf-8")
    (folder / "networks").mkdir()
    (folder / "networks" / "lora.py").write_text("", encoding="utf-8")
    return folder


def test_an_optimizer_that_the_checkout_does_not_know_yet(tmp_path):
    job = Job(options={"optimizer_type": "RAdamScheduleFree"})
    old, new = _checkout(tmp_path / "old"), _checkout(tmp_path / "new", "RAdamScheduleFree", schedule_free=True)
    assert _rules(job, gather_facts(job, old)) == ["checkout.optimizer"]
    assert _rules(job, gather_facts(job, new)) == []
    dotted = Job(options={"optimizer_type": "prodigyplus.ProdigyPlusScheduleFree"})
    assert _rules(dotted, gather_facts(dotted, old)) == ["checkout.schedule-free"]
    assert _rules(dotted, gather_facts(dotted, new)) == []
    for fine in ("AdamW", "adamw", "NAdam", "my.package.My", ""):
        job = Job(options={"optimizer_type": fine} if fine else {})
        assert _rules(job, gather_facts(job, old)) == [], fine
    (old / "library" / "train_util.py").write_text("def get_optimizer(args):\n    return table[args]\n", encoding="utf-8")
    job = Job(options={"optimizer_type": "RAdamScheduleFree"})
    assert _rules(job, gather_facts(job, old)) == [], "written in another way: nobody knows"


def _python(folder: Path, *modules: str) -> Path:
    packages = folder / "Lib" / "site-packages"
    for name in ("torch", *modules):
        (packages / name).mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("include-system-site-packages = false\n", encoding="utf-8")
    return folder / "Scripts" / "python.exe"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"network_module": "lycoris.kohya"}, True),
        ({"network_module": "networks.lora"}, False),
        ({"network_module": "networks.nope"}, True),
        ({"network_module": "library.lora"}, False),
        ({"optimizer_type": "my_package.My"}, True),
        ({"optimizer_type": "there.My"}, False),
        ({"optimizer_type": "json.My"}, False),
        ({"lr_scheduler_type": "my_package.My"}, True),
        ({"lr_scheduler_type": "StepLR"}, False),
    ],
)
def test_a_module_that_the_python_does_not_have(tmp_path, options, named):
    job, checkout, python = Job(options=options), _checkout(tmp_path / "sd-scripts"), _python(tmp_path / "venv", "there")
    assert ("environment.module" in _rules(job, gather_facts(job, checkout, python=python))) is named


def test_packages_that_lie_elsewhere_are_found_or_nothing_is_said(tmp_path):
    job, python = Job(options={"network_module": "lycoris.kohya"}), _python(tmp_path / "venv")
    checkout = _checkout(tmp_path / "sd-scripts")
    packages = tmp_path / "venv" / "Lib" / "site-packages"
    assert "environment.module" in _rules(job, gather_facts(job, checkout, python=python))
    (packages / "mine.pth").write_text(f"{tmp_path / 'mine'}\n", encoding="utf-8")
    (tmp_path / "mine" / "lycoris").mkdir(parents=True)
    assert "environment.module" not in _rules(job, gather_facts(job, checkout, python=python))
    (packages / "mine.pth").unlink()
    (packages / "__editable___lycoris_finder.py").write_text("MAPPING = {'lycoris': 'C:/lycoris'}", encoding="utf-8")
    assert "environment.module" not in _rules(job, gather_facts(job, checkout, python=python))
    (packages / "__editable___lycoris_finder.py").unlink()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("include-system-site-packages = true\n", encoding="utf-8")
    assert "environment.module" not in _rules(job, gather_facts(job, checkout, python=python))


def test_keys_and_values_of_a_config_file_that_nobody_looks_at(tmp_path):
    job = Job(options={"config_file": str(tmp_path / "own")})
    options = snapshot_for("train_network.py")
    assert options is not None

    def told() -> list[str]:
        found = review(job, options, CATALOGUE, facts=gather_facts(job), unfinished=True)
        return [f"{one.rule} {one.text.en}" for one in found if one.rule]

    assert [one.split(" ")[0] for one in told()] == ["file.missing"]
    (tmp_path / "own.toml").write_text('[a]\nlearning_rat = 1e-4\nmax_train_steps = "3"\n[b]\nseed = 1\n', encoding="utf-8")
    found = told()
    assert [one.split(" ")[0] for one in found] == ["file.config-key"] * 2
    assert "learning_rate" in found[0]
    assert "max_train_steps" in found[1]


def test_room_and_names_speak_of_windows_limits_for_logs_and_caches_too():
    job = Job(options={"output_name": "lora", "cache_latents_to_disk": True})
    images = Facts(absolute={"train_data_dir": "D:\\x"}, longest_image=250, windows=True)
    assert _rules(job, images) == ["file.long-path"]
    assert _rules(job.with_option("cache_latents_to_disk", None), images) == []
    logs = Facts(absolute={"logging_dir": "C:\\" + "x" * 180}, windows=True)
    assert _rules(job, logs) == ["file.long-path"]
    assert _rules(job.with_option("log_with", "wandb"), logs) == []


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
