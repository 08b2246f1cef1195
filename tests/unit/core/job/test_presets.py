"""A preset holds the optimizer's part of a job and never touches the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from core.catalogue.loader import load_catalogue
from core.cli.main import run
from core.convert.read import is_job, read_file
from core.errors import CaddieError
from core.job.model import Job
from core.job.presets import (
    Preset,
    apply_preset,
    belongs,
    dump_preset,
    file_stem,
    find_preset,
    list_presets,
    preset_of,
    read_preset,
    save_preset,
)
from core.job.store import load_job, save_job
from core.options.snapshot import load_snapshot

CATALOGUE = load_catalogue()
OWN = {
    "optimizer_type": "Prodigy",
    "optimizer_args": ["decouple=True", "betas=(0.9, 0.99)"],
    "learning_rate": 1.0,
    "unet_lr": 0.0,
    "lr_scheduler": "cosine",
    "lr_warmup_steps": 0.05,
}
OTHERS = {"pretrained_model_name_or_path": "D:\\m.safetensors", "train_data_dir": "D:\\img", "output_dir": "o", "network_dim": 8}
JOB = Job(options=MappingProxyType({**OTHERS, **OWN}), notes="mine", environment="e")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))


def test_of_all_options_only_optimizer_scheduler_and_rates_belong() -> None:
    names = {name for options in load_snapshot().values() for name in options.options if belongs(name)}
    assert names == {
        *("optimizer_type", "optimizer_args", "use_8bit_adam", "use_lion_optimizer"),
        *("lr_scheduler", "lr_scheduler_args", "lr_scheduler_type", "lr_scheduler_num_cycles", "lr_scheduler_power"),
        *("lr_scheduler_timescale", "lr_scheduler_min_lr_ratio", "lr_warmup_steps", "lr_decay_steps"),
        *("learning_rate", "learning_rate_te", "learning_rate_te1", "learning_rate_te2", "learning_rate_te3"),
        *("unet_lr", "text_encoder_lr", "block_lr", "self_attn_lr", "cross_attn_lr", "mlp_lr", "mod_lr", "llm_adapter_lr"),
        "control_net_lr",
    }


def test_a_preset_holds_nothing_of_the_rest_and_comes_back_whole(tmp_path: Path) -> None:
    path = save_preset(preset_of(JOB, "鹿 / Prodigy: 1", notes="for characters"), folder=tmp_path)
    text = path.read_text(encoding="utf-8")
    assert not any(str(value) in text for value in ("m.safetensors", "img", "mine", "network_dim"))
    found = read_preset(path)
    assert found.name == "鹿 / Prodigy: 1"
    assert found.notes == "for characters"
    assert dict(found.options) == OWN
    assert found.left_out == ()


def test_applying_replaces_the_optimizers_part_and_nothing_else() -> None:
    before = Job(
        options=MappingProxyType({**OTHERS, "optimizer_type": "AdamW", "optimizer_args": ["eps=1e-6"], "text_encoder_lr": 1e-5}),
        accelerate=MappingProxyType({"num_processes": 1}),
        name="n",
    )
    after = apply_preset(before, preset_of(JOB, "p"), CATALOGUE)
    assert dict(after.options) == {**OTHERS, **OWN}
    assert dict(after.kept_arguments) == {"AdamW": ("eps=1e-6",)}
    assert replace(after, options=before.options, kept_arguments=before.kept_arguments) == before


def test_applying_what_a_job_says_already_changes_nothing() -> None:
    after = apply_preset(JOB, preset_of(JOB, "p"), CATALOGUE)
    assert after == JOB
    assert list(after.options) == list(JOB.options)


def test_old_switches_of_an_optimizer_are_replaced() -> None:
    after = apply_preset(Job(options=MappingProxyType({"use_8bit_adam": True, "seed": 1})), preset_of(JOB, "p"), CATALOGUE)
    assert dict(after.options) == {"seed": 1, **OWN}


def test_other_keys_of_a_shared_file_are_named_and_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "shared.toml"
    path.write_text('output_dir = "C:/evil"\n' + dump_preset(preset_of(JOB, "p")), encoding="utf-8")
    found = read_preset(path)
    assert found.left_out == ("output_dir",)
    assert "output_dir" not in found.options
    assert apply_preset(Job(), found, CATALOGUE).options.get("output_dir") is None


def test_a_damaged_file_hides_no_other(tmp_path: Path) -> None:
    save_preset(preset_of(JOB, "b"), folder=tmp_path)
    save_preset(preset_of(JOB, "A"), folder=tmp_path)
    (tmp_path / "x.toml").write_text("[caddie_preset\n", encoding="utf-8")
    (tmp_path / "y.toml").write_bytes(b"\xff\xff\xff")
    (tmp_path / "z.toml").write_text("[caddie_preset]\ncaddie_preset_version = 99\n", encoding="utf-8")
    found = list_presets(tmp_path)
    assert [preset.name for preset in found.presets] == ["A", "b"]
    assert len(found.problems) == 3


def test_a_preset_is_not_replaced_unasked(tmp_path: Path) -> None:
    save_preset(preset_of(JOB, "p"), folder=tmp_path)
    with pytest.raises(CaddieError, match="of that name"):
        save_preset(preset_of(JOB, "p"), folder=tmp_path)
    save_preset(Preset(name="p", options=MappingProxyType({"learning_rate": 0.5})), folder=tmp_path, replace_it=True)
    assert dict(read_preset(tmp_path / "p.toml").options) == {"learning_rate": 0.5}


@pytest.mark.parametrize(("name", "stem"), [("a/b\\c:d", "a_b_c_d"), ("con", "con_"), (" x. ", "x"), ("鹿", "鹿")])
def test_file_names_work_on_windows(name: str, stem: str) -> None:
    assert file_stem(name) == stem


@pytest.mark.parametrize("name", ["", " . ", "///"])
def test_a_preset_needs_a_name(name: str) -> None:
    with pytest.raises(CaddieError):
        file_stem(name)


def test_the_verb_saves_lists_and_applies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target, out = tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.toml"
    save_job(JOB, source)
    save_job(Job(options=MappingProxyType({**OTHERS, "optimizer_type": "Lion"})), target)
    assert run(["preset", "save", str(source), "Mine"]) == 0
    assert run(["preset", "save", str(source), "Mine"]) == 1
    capsys.readouterr()
    assert run(["preset", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["presets"][0]["options"] == OWN
    assert run(["preset", "apply", str(target), "mine", "--out", str(out)]) == 0
    assert dict(load_job(out).options) == {**OTHERS, **OWN}
    assert load_job(target).optimizer_type == "Lion"
    assert run(["preset", "apply", str(target), "nope"]) == 1
    assert find_preset(str(tmp_path / "home" / "presets" / "Mine.toml")).name == "Mine"


def test_a_dropped_preset_is_imported_and_not_opened_as_a_job(tmp_path: Path) -> None:
    path = save_preset(preset_of(JOB, "p"), folder=tmp_path)
    assert not is_job(path)
    found = read_file(path, CATALOGUE)
    assert found.preset is not None
    assert dict(found.job.options) == OWN
    assert not found.names_script
