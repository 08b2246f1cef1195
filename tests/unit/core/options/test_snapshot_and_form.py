"""The shipped options, and the main form against them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Problems
from core.options.main_form import FORM_FILE, SCRIPT_FIELD, load_main_form
from core.options.model import OptionKind
from core.options.snapshot import (
    SNAPSHOT_FILE,
    accelerate_options,
    dump_snapshot,
    load_snapshot,
    option_from_record,
    record_from_option,
    snapshot_for,
)


def test_known_facts_of_sd_scripts() -> None:
    sets = load_snapshot()
    assert len(sets) >= 16
    options = sets["train_network.py"].options
    assert len(options) == 193
    assert options["learning_rate"].default == 2e-6
    assert options["optimizer_type"].default == ""
    assert options["lr_warmup_steps"].kind is OptionKind.INT_OR_FLOAT
    assert options["dataset_config"].kind is OptionKind.PATH
    assert options["optimizer_args"].nargs == "*"
    assert options["mixed_precision"].choices == ("no", "fp16", "bf16")
    assert options["save_precision"].choices == ("float", "fp16", "bf16")
    assert options["cache_latents"].default is False
    assert sets["train_network.py"].source == "snapshot"
    assert len(sets["train_network.py"].commit or "") == 40
    assert "blocks_to_swap" in sets["flux_train_network.py"].options
    assert all(option.help == "" for option_set in sets.values() for option in option_set)


def test_a_script_that_is_not_in_it() -> None:
    assert snapshot_for("no_such.py") is None


def test_the_file_is_what_its_writer_writes() -> None:
    sets = load_snapshot()
    text = SNAPSHOT_FILE.read_text(encoding="utf-8")
    source = text.split('"source": "')[1].split('"')[0]
    assert dump_snapshot(sets, source=source, commit=sets["train_network.py"].commit or "") == text


def test_records_hold_everything() -> None:
    for option_set in (*load_snapshot().values(), accelerate_options()):
        for option in option_set:
            assert option_from_record(record_from_option(option)) == option


def test_accelerate_options() -> None:
    options = accelerate_options().options
    assert options["num_cpu_threads_per_process"].kind is OptionKind.INT
    assert options["multi_gpu"].kind is OptionKind.FLAG
    assert "--num-processes" in options["num_processes"].flags


ALL = {option.name: option for option_set in load_snapshot().values() for option in option_set}
FIELDS = [field for group in load_main_form() for field in group.fields]


def test_the_form_names_every_topic_of_a_training() -> None:
    names = {field.name for field in FIELDS}
    wanted = """script pretrained_model_name_or_path train_data_dir dataset_config output_dir output_name network_module
    network_dim network_alpha resolution train_batch_size max_train_epochs max_train_steps learning_rate unet_lr
    text_encoder_lr lr_scheduler lr_warmup_steps lr_decay_steps lr_scheduler_num_cycles lr_scheduler_power
    lr_scheduler_timescale lr_scheduler_min_lr_ratio lr_scheduler_type lr_scheduler_args loss_type huber_schedule huber_c
    huber_scale min_snr_gamma mixed_precision cache_latents save_every_n_epochs sample_prompts seed"""
    assert set(wanted.split()) <= names


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_field_fits_its_option(field) -> None:
    if field.name == SCRIPT_FIELD:
        assert field.widget == "script"
        return
    option = ALL[field.name]
    assert (field.widget == "switch") == (option.kind is OptionKind.FLAG)
    assert (field.widget in ("list", "lr-list")) == option.is_list
    assert (field.widget == "choice") <= bool(option.choices)
    if field.widget in ("number", "seed", "lr"):
        assert option.kind in (OptionKind.INT, OptionKind.FLOAT, OptionKind.INT_OR_FLOAT)
    assert set(field.when) <= set(ALL)
    for name, values in field.when.items():
        if ALL[name].choices:
            assert set(values) <= set(map(str, ALL[name].choices)) | {""}
    assert field.help.en.endswith(".")
    assert field.help.ja.endswith("。")
    assert any(field.applies_to(option_set) for option_set in load_snapshot().values())


def test_fields_appear_only_where_they_belong() -> None:
    sets = load_snapshot()
    shown = {name: {f.name for f in FIELDS if f.applies_to(options)} for name, options in sets.items()}
    assert "v2" in shown["train_network.py"]
    assert "v2" not in shown["sdxl_train_network.py"]
    assert "guidance_scale" in shown["flux_train_network.py"]
    assert "network_dim" not in shown["fine_tune.py"]
    assert SCRIPT_FIELD in shown["fine_tune.py"]


def test_which_fields_have_an_effect() -> None:
    options = load_snapshot()["train_network.py"]
    by_name = {field.name: field for field in FIELDS}
    assert not by_name["huber_c"].has_effect({}, options)
    assert by_name["huber_c"].has_effect({"loss_type": "smooth_l1"}, options)
    assert by_name["max_train_steps"].has_effect({}, options)
    assert not by_name["max_train_steps"].has_effect({"max_train_epochs": 4}, options)
    assert not by_name["min_bucket_reso"].has_effect({"enable_bucket": False}, options)
    assert by_name["min_bucket_reso"].has_effect({"enable_bucket": True}, options)
    assert by_name["learning_rate"].has_effect({}, options)


def test_all_faults_of_a_form_are_said_at_once(tmp_path: Path) -> None:
    text = FORM_FILE.read_text(encoding="utf-8")
    damaged = (
        text.replace('widget = "lr"', 'widget = "lrr"', 1)
        .replace('name = "unet_lr"', 'name = "learning_rate"', 1)
        .replace("advanced = true", "advancd = true", 1)
        .replace('label = { en = "VAE", ja = "VAE" }', 'label = { en = "VAE" }', 1)
    )
    path = tmp_path / "form.toml"
    path.write_text("wrong = 1\n" + damaged, encoding="utf-8")
    with pytest.raises(Problems) as caught:
        load_main_form(path)
    said = "\n".join(problem.en for problem in caught.value.problems)
    for words in ("'wrong'", "'lrr' (lr?)", "learning_rate: no name, or one used before", "'advancd'", "label needs en and ja"):
        assert words in said
    assert len(caught.value.problems) == 5
