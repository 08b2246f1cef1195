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


_PRODIGY: Options = {"optimizer_type": "prodigy", "lr_scheduler": "cosine"}
_EMO: Options = {"optimizer_type": "pytorch_optimizer.optimizer.emonavi.EmoNavi", "learning_rate": 1e-4}
_SDXL = "sdxl_train_network.py"
_DROPOUT = "caption_dropout_every_n_epochs"

SILENT: list[tuple[str, Options, Options]] = [
    ("number.out-of-range", {"network_dropout": 1.5}, {"network_dropout": 0.5}),
    ("number.out-of-range", {"save_every_n_steps": 0}, {"save_every_n_steps": 1}),
    ("number.out-of-range", {"save_every_n_epochs": 0}, {"sample_every_n_epochs": 0}),
    ("run.no-steps", {"max_train_epochs": 0}, {"max_train_epochs": 1, "max_train_steps": 0}),
    ("run.no-steps", {"max_train_steps": 0}, {"max_train_steps": 1}),
    ("caption.dropped", {"caption_dropout_rate": 10.0}, {"caption_dropout_rate": 0.1}),
    ("caption.dropped", {"caption_dropout_rate": 1.0}, {"caption_dropout_rate": 0.99}),
    ("caption.dropped", {"caption_tag_dropout_rate": 100.0}, {"caption_tag_dropout_rate": 0.0}),
    ("caption.dropped", {_DROPOUT: 1}, {_DROPOUT: 2}),
    (
        "caption.cached",
        {_DROPOUT: 5, "cache_text_encoder_outputs": True, "network_train_unet_only": True},
        {"cache_text_encoder_outputs": True, "network_train_unet_only": True},
    ),
    ("caption.dropped", {_DROPOUT: 1}, {_DROPOUT: 1, "cache_text_encoder_outputs": True}),
    ("model.clip-skip", {"clip_skip": 0}, {"clip_skip": 2}),
    ("model.clip-skip", {"clip_skip": 13}, {"clip_skip": 12}),
    ("model.clip-skip", {"clip_skip": 2, "v2": True}, {"v2": True}),
    (
        "clipping.fused-network",
        {"fused_backward_pass": True, "optimizer_type": "AdaFactor"},
        {"fused_backward_pass": True, "optimizer_type": "AdaFactor", "gradient_accumulation_steps": 2},
    ),
    (
        "sample.epochs-win",
        {"sample_every_n_steps": 100, "sample_every_n_epochs": 1},
        {"sample_every_n_steps": 100, "sample_every_n_epochs": 0},
    ),
    ("scheduler.class-argument", {"lr_scheduler_type": "LambdaLR"}, {"lr_scheduler_type": "LinearLR"}),
    (
        "scheduler.class-argument",
        {"lr_scheduler_type": "OneCycleLR", "lr_scheduler_args": ["max_lr=1e-4"]},
        {"lr_scheduler_type": "OneCycleLR", "lr_scheduler_args": ["max_lr=1e-4", "total_steps=100"]},
    ),
]

MORE: list[tuple[str, Options, Options]] = [
    (
        "scheduler.no-such-class",
        {"lr_scheduler_type": "CosineAnealingLR", "lr_scheduler_args": ["T_max=9"]},
        {"lr_scheduler_type": "my.package.CosineAnealingLR"},
    ),
    ("scheduler.no-such-class", {"lr_scheduler_type": "Zzz"}, {"lr_scheduler_type": "StepLR"}),
    (
        "scheduler.class-argument",
        {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["gamma=0.5"]},
        {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5"]},
    ),
    (
        "rate.several",
        {**_PRODIGY, "unet_lr": 1.0, "text_encoder_lr": [0.5]},
        {**_PRODIGY, "unet_lr": 1.0, "text_encoder_lr": [1.0]},
    ),
    (
        "rate.several",
        {**_PRODIGY, "learning_rate": 0.5, "unet_lr": 1.0},
        {**_PRODIGY, "learning_rate": 0.5, "unet_lr": 1.0, "network_train_unet_only": True},
    ),
    (
        "rate.several",
        {**_PRODIGY, "learning_rate": 1.0, "text_encoder_lr": [1.0, 0.5], "network_module": "networks.lora_flux"},
        {**_PRODIGY, "learning_rate": 1.0, "text_encoder_lr": [0.0]},
    ),
    (
        "rate.first-only",
        {"learning_rate": 1e-4, "text_encoder_lr": [1e-4, 5e-5]},
        {"learning_rate": 1e-4, "text_encoder_lr": [1e-4, 5e-5], "network_module": "networks.lora_sd3"},
    ),
    ("rate.several", {"optimizer_type": "DAdaptAdam", "unet_lr": 1.0}, {"unet_lr": 1e-4, "text_encoder_lr": [5e-5]}),
    (
        "network.lora-plus",
        {**_PRODIGY, "learning_rate": 1.0, "network_args": ["conv_dim=4", "loraplus_lr_ratio=16"]},
        {"learning_rate": 1e-4, "network_args": ["loraplus_lr_ratio=16"]},
    ),
    ("rate.nothing-trained", {"learning_rate": 0.0}, {"learning_rate": 0.0, "unet_lr": 1e-4}),
    (
        "rate.nothing-trained",
        {"network_train_unet_only": True, "network_train_text_encoder_only": True},
        {"network_train_unet_only": True},
    ),
    ("cache.latents", {"cache_latents": True, "random_crop": True}, {"random_crop": True}),
    ("cache.latents", {"cache_latents_to_disk": True, "color_aug": True}, {"cache_latents_to_disk": True, "flip_aug": True}),
    (
        "cache.captions",
        {"cache_text_encoder_outputs": True, "shuffle_caption": True},
        {"cache_text_encoder_outputs": True, "shuffle_caption": False, "caption_dropout_rate": 0.0},
    ),
    ("precision.full", {"full_fp16": True, "mixed_precision": "bf16"}, {"full_fp16": True, "mixed_precision": "fp16"}),
    ("precision.full", {"full_bf16": True}, {"full_bf16": True, "mixed_precision": "bf16"}),
    ("precision.full", {"fp8_base": True}, {"fp8_base": True, "mixed_precision": "fp16"}),
    ("noise.adaptive", {"adaptive_noise_scale": 0.01}, {"adaptive_noise_scale": 0.01, "noise_offset": 0.05}),
    (
        "objective.prediction",
        {"scale_v_pred_loss_like_noise_pred": True},
        {"scale_v_pred_loss_like_noise_pred": True, "v_parameterization": True},
    ),
    ("objective.prediction", {"v_pred_like_loss": 0.1, "v_parameterization": True}, {"v_pred_like_loss": 0.1}),
    ("log.folder", {"log_with": "all"}, {"log_with": "all", "logging_dir": "logs"}),
    ("data.resolution", {"resolution": "512x512"}, {"resolution": "512,768"}),
    ("data.resolution", {"train_data_dir": "images"}, {"train_data_dir": "images", "resolution": "512"}),
    ("data.resolution", {"resolution": "512,512,512"}, {"train_data_dir": "images", "dataset_config": "d.toml"}),
    ("rate.forgotten-part", {"unet_lr": 1e-4}, {"unet_lr": 1e-4, "network_train_unet_only": True}),
    ("rate.forgotten-part", {"text_encoder_lr": [1e-4]}, {"text_encoder_lr": [1e-4], "learning_rate": 1e-4}),
    ("rate.ignored", {"optimizer_type": "AdaFactor", "learning_rate": 1e-4}, {**_FIXED_ADAFACTOR}),
    (
        "rate.came",
        {"optimizer_type": "came_pytorch.CAME", "learning_rate": 1e-3},
        {"optimizer_type": "came_pytorch.CAME", "learning_rate": 2e-4},
    ),
    (
        "scheduler.own-class",
        {"lr_scheduler": "cosine", "lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5"]},
        {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5"]},
    ),
    ("emo.loss", {**_EMO}, {"optimizer_type": "AdamW"}),
    (
        "network.dylora",
        {"optimizer_type": "DAdaptAdam", "network_module": "networks.dylora"},
        {**_PRODIGY, "network_module": "networks.dylora"},
    ),
    (
        "network.dylora",
        {"optimizer_type": "AdaFactor", "network_module": "networks.dylora"},
        {"optimizer_type": "AdaFactor", "network_module": "networks.lora"},
    ),
    ("objective.zero-terminal", {"zero_terminal_snr": True}, {"zero_terminal_snr": True, "v_parameterization": True}),
    ("rate.lion", {"optimizer_type": "Lion", "learning_rate": 1e-4}, {"optimizer_type": "Lion", "learning_rate": 3e-5}),
    ("scheduler.unused", {"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 3}, {"lr_scheduler": "cosine"}),
    (
        "scheduler.unused",
        {"lr_scheduler": "linear", "lr_scheduler_power": 2.0},
        {"lr_scheduler": "polynomial", "lr_scheduler_power": 2.0},
    ),
    ("emo.rank", {**_EMO, "network_dim": 16}, {**_EMO, "network_dim": 16, "network_alpha": 16.0}),
    ("emo.modifiers", {**_EMO, "min_snr_gamma": 5.0}, {"min_snr_gamma": 5.0}),
    (
        "optimizer.momentum",
        {"optimizer_type": "SGDNesterov"},
        {"optimizer_type": "SGDNesterov", "optimizer_args": ["momentum=0.9"]},
    ),
]
_PLUS: Options = {"optimizer_type": "prodigyplus.ProdigyPlusScheduleFree", "learning_rate": 1.0}
_FULL_FP16: Options = {"full_fp16": True, "mixed_precision": "fp16"}
TRAPS: list[tuple[str, Options, Options]] = [
    ("optimizer.no-such-class", {"optimizer_type": "CAME"}, {"optimizer_type": "came_pytorch.CAME"}),
    ("optimizer.no-such-class", {"optimizer_type": "adam"}, {"optimizer_type": "Adam"}),
    ("optimizer.no-such-class", {"optimizer_type": "Zzz"}, {"optimizer_type": "my.package.Zzz"}),
    ("optimizer.no-such-class", {"optimizer_type": "my..Zzz"}, {"optimizer_type": "dadaptadanip"}),
    ("scheduler.no-such-name", {"lr_scheduler": "cosin"}, {"lr_scheduler": "cosine"}),
    ("scheduler.no-such-name", {"lr_scheduler": "Constant", "lr_warmup_steps": 9}, {"lr_scheduler": "constant"}),
    ("scheduler.no-such-name", {"lr_scheduler": "cosine_warmup_with_min_lr"}, {**_PLUS, "lr_scheduler": "cosin"}),
    (
        "scheduler.no-such-name",
        {"lr_scheduler": "reduce_lr_on_plateau"},
        {"lr_scheduler_type": "ReduceLROnPlateau", "lr_scheduler": "none"},
    ),
    (
        "scheduler.incomplete",
        {"lr_scheduler": "cosine_with_min_lr"},
        {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.1},
    ),
    (
        "scheduler.incomplete",
        {"lr_scheduler": "piecewise_constant", "max_train_steps": 100},
        {"lr_scheduler": "piecewise_constant", "lr_scheduler_args": ["step_rules='1:50,0.1'"]},
    ),
    ("data.buckets", {"enable_bucket": True, "resolution": "64"}, {"resolution": "64"}),
    (
        "data.buckets",
        {"enable_bucket": True, "resolution": "200,512"},
        {"enable_bucket": True, "resolution": "200,512", "min_bucket_reso": 250},
    ),
    (
        "data.buckets",
        {"enable_bucket": True, "resolution": "1024,1280"},
        {"enable_bucket": True, "resolution": "64,64", "min_bucket_reso": 64, "max_bucket_reso": 32},
    ),
    (
        "data.workers",
        {"persistent_data_loader_workers": True, "max_data_loader_n_workers": 0},
        {"persistent_data_loader_workers": True},
    ),
    ("number.out-of-range", {"train_batch_size": 0, "learning_rate": 1e-4}, {"train_batch_size": 1, "learning_rate": 0.0}),
    ("number.out-of-range", {"network_dim": -4}, {"network_dim": 1}),
    ("number.out-of-range", {"gradient_accumulation_steps": 0}, {"gradient_accumulation_steps": 1}),
    ("number.out-of-range", {"learning_rate": -1.0}, {"optimizer_type": "AdaFactor", "learning_rate": -1.0}),
    (
        "network.rank-of-nothing",
        {"dim_from_weights": True},
        {"dim_from_weights": True, "network_weights": "a.safetensors"},
    ),
    ("sample.no-prompts", {"sample_every_n_steps": 9}, {"sample_every_n_steps": 9, "sample_prompts": "p.txt"}),
    (
        "rate.untrained-part",
        {"text_encoder_lr": [1e-4], "learning_rate": 1e-4, "network_train_unet_only": True},
        {"text_encoder_lr": [0.0], "learning_rate": 1e-4, "network_train_unet_only": True},
    ),
    ("rate.untrained-part", {"unet_lr": 1e-4, "network_train_text_encoder_only": True}, {"unet_lr": 1e-4}),
    (
        "rate.scaled",
        {**_FIXED_ADAFACTOR},
        {**_FIXED_ADAFACTOR, "optimizer_args": ["relative_step=False", "scale_parameter=True"]},
    ),
    (
        "argument.warmup-init",
        {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False", "warmup_init=True"]},
        {"optimizer_type": "AdaFactor", "optimizer_args": ["warmup_init=True"]},
    ),
    (
        "precision.fp16-weights",
        {**_PRODIGY, **_FULL_FP16},
        {**_PRODIGY, "full_bf16": True, "mixed_precision": "bf16"},
    ),
    (
        "precision.fp16-weights",
        {"optimizer_type": "AdamW", **_FULL_FP16},
        {"optimizer_type": "AdamW", **_FULL_FP16, "optimizer_args": ["eps=1e-6"]},
    ),
    ("precision.fp16-weights", {"optimizer_type": "DAdaptLion", **_FULL_FP16}, {"optimizer_type": "Lion", **_FULL_FP16}),
    (
        "precision.bf16-weights",
        {"learning_rate": 1e-4, "full_bf16": True, "mixed_precision": "bf16"},
        {"learning_rate": 3e-4, "full_bf16": True, "mixed_precision": "bf16"},
    ),
    (
        "data.config-wins",
        {"dataset_config": "d.toml", "train_data_dir": "images"},
        {"train_data_dir": "images", "resolution": "512"},
    ),
    ("data.timesteps", {"min_timestep": 500, "max_timestep": 400}, {"min_timestep": 400, "max_timestep": 500}),
    ("data.timesteps", {"min_timestep": 1000}, {"min_timestep": 999}),
    ("data.timesteps", {"max_timestep": 0}, {"max_timestep": 1}),
    ("clipping.by-default", {**_PLUS}, {**_PLUS, "max_grad_norm": 0.0}),
    ("clipping.by-default", {**_PLUS, "max_grad_norm": 1.0}, {**_PLUS, "optimizer_args": ["use_stableadamw=False"]}),
    ("argument.safeguard-warmup", {**_PRODIGY, "lr_warmup_steps": 9}, {**_PRODIGY}),
    (
        "argument.safeguard-warmup",
        {**_PRODIGY, "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
        {**_PRODIGY, "lr_warmup_steps": 9, "optimizer_args": ["safeguard_warmup=True"]},
    ),
    ("network.no-alpha", {"network_dim": 32}, {"network_dim": 32, "network_alpha": 1.0}),
]
OF_SDXL: list[tuple[str, Options, Options]] = [
    (
        "cache.text-encoder",
        {"cache_text_encoder_outputs": True},
        {"cache_text_encoder_outputs": True, "network_train_unet_only": True},
    ),
    ("model.sdxl-v2", {"v2": True}, {}),
    (
        "cache.nan-vae",
        {"mixed_precision": "fp16", "cache_latents": True},
        {"mixed_precision": "fp16", "cache_latents": True, "no_half_vae": True},
    ),
    ("cache.nan-vae", {"mixed_precision": "fp16"}, {"mixed_precision": "fp16", "vae": "C:/vae/sdxl-vae-fp16-fix.safetensors"}),
    ("cache.nan-vae", {"mixed_precision": "fp16", "vae": "sdxl_vae.safetensors"}, {"mixed_precision": "bf16"}),
    ("model.sdxl-clip-skip", {"clip_skip": 2}, {}),
]
ROWS = [*((rule, Job(options=wrong), Job(options=right)) for rule, wrong, right in [*TABLE, *MORE, *TRAPS, *SILENT])]
ROWS += [(rule, Job(options=wrong, script=_SDXL), Job(options=right, script=_SDXL)) for rule, wrong, right in OF_SDXL]


def _rules(job: Job) -> list[str]:
    return [finding.rule for finding in advise(job, _CATALOGUE)]


@pytest.mark.parametrize(("rule", "wrong", "right"), ROWS)
def test_a_rule_speaks_where_it_must_and_only_there(rule: str, wrong: Job, right: Job) -> None:
    assert rule in _rules(wrong)
    assert rule not in _rules(right)


@pytest.mark.parametrize(("rule", "wrong", "right"), ROWS)
def test_a_fix_silences_its_rule_and_brings_no_error(rule: str, wrong: Job, right: Job) -> None:
    before, options = {finding.rule for finding in advise(wrong, _CATALOGUE) if finding.severity == "error"}, dict(wrong.options)
    finding = next(finding for finding in advise(wrong, _CATALOGUE) if finding.rule == rule)
    assert finding.fix is not None
    mended = finding.fix.apply(wrong)
    assert rule not in _rules(mended)
    assert {finding.rule for finding in advise(mended, _CATALOGUE) if finding.severity == "error"} <= before
    assert dict(wrong.options) == options, "undo is the job before"


def test_the_document_lists_every_rule_as_the_code_has_it() -> None:
    written = (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8")
    # Four columns: the table of the rules over the job alone.
    rows = [line for line in written.splitlines() if line.startswith("| `") and line.count(" | ") == 3]
    assert [row.split(" | ")[:3] for row in rows] == [[f"| `{rule.id}`", rule.severity, rule.source.key] for rule in RULES]


def test_every_rule_is_in_the_table_and_has_its_source() -> None:
    assert {rule.id for rule in RULES} == {rule for rule, _, _ in ROWS}
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.source.title.en and rule.source.title.ja for rule in RULES)


@pytest.mark.parametrize("wrong", [wrong for _, wrong, _ in ROWS])
def test_findings_come_in_one_order_with_words_in_both_languages(wrong: Job) -> None:
    findings = advise(wrong, _CATALOGUE)
    again = advise(wrong, _CATALOGUE)
    assert [(one.rule, one.text, one.fields) for one in findings] == [(one.rule, one.text, one.fields) for one in again]
    ranks = [("error", "warning", "hint").index(one.severity) for one in findings]
    assert ranks == sorted(ranks)
    for one in findings:
        assert one.fields and one.text.en != one.text.ja
        assert one.fix is None or (one.fix.label.en and one.fix.label.ja)


def test_a_dropout_of_what_is_cached_is_refused_but_by_the_script_that_can() -> None:
    options: Options = {"cache_text_encoder_outputs": True, "caption_dropout_rate": 0.1}
    assert "cache.captions" in _rules(Job(options=options, script="flux_train_network.py"))
    assert "cache.captions" not in _rules(Job(options=options, script="anima_train_network.py"))
    assert "cache.captions" in _rules(Job(options={**options, "shuffle_caption": True}, script="anima_train_network.py"))


def test_what_a_class_needs_is_written_with_the_jobs_own_steps_and_rate() -> None:
    job = Job(options={"lr_scheduler_type": "OneCycleLR", "max_train_steps": 900, "learning_rate": 3e-4})
    finding = next(one for one in advise(job, _CATALOGUE) if one.rule == "scheduler.class-argument")
    assert finding.fix is not None
    assert finding.fix.apply(job).options["lr_scheduler_args"] == ["max_lr=0.0003", "total_steps=900"]


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
