"""What a preflight asks: without torch and without a child."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType

import pytest

from core.catalogue.loader import load_catalogue
from core.environment.model import Environment
from core.job.model import Job
from core.options.model import OptionValue
from core.options.snapshot import snapshot_for
from core.preflight.model import Curve, Group, Report, Shape
from core.preflight.request import Question, question
from core.preflight.words import bytes_line, facts_of, stride_note


def asked(script: str = "train_network.py", curves: bool = False, **options: OptionValue) -> Question:
    known = snapshot_for(script)
    assert known is not None
    return question(Job(script=script, options=MappingProxyType(options)), known, load_catalogue(), curves=curves)


def test_the_options_are_what_argparse_would_hold() -> None:
    options = asked(optimizer_type="AdamW", learning_rate=1, optimizer_args=["eps=1e-6"]).request["options"]
    assert (options["learning_rate"], type(options["learning_rate"])) == (1.0, float)
    assert options["optimizer_args"] == ["eps=1e-6"]
    assert options["lr_scheduler"] == "constant"
    assert options["use_8bit_adam"] is False
    assert options["lr_scheduler_args"] is None


@pytest.mark.parametrize(
    ("script", "more", "unet", "text"),
    [("train_network.py", {}, 192, 72), ("train_network.py", {"v2": True}, 192, 138), ("sdxl_train_network.py", {}, 722, 264)],
)
def test_a_lora_has_as_many_layers_as_sd_scripts_counts(script: str, more: dict[str, OptionValue], unet: int, text: int) -> None:
    groups = asked(script, optimizer_type="AdamW", learning_rate=1e-4, network_dim=8, **more).groups
    assert sum(group.tensors for group in groups if group.name.startswith("text")) == 2 * text
    assert sum(group.tensors for group in groups if group.name.startswith("unet")) == 2 * unet
    assert all(8 in shape.sizes for group in groups for shape in group.shapes)


def test_each_group_has_its_rate_and_a_part_that_is_not_trained_has_none() -> None:
    groups = asked(optimizer_type="AdamW", learning_rate=1e-4, text_encoder_lr=[1e-5]).groups
    assert [(group.name, group.learning_rate) for group in groups] == [("text_encoder", 1e-5), ("unet", 1e-4)]
    groups = asked(optimizer_type="AdamW", learning_rate=1e-4, network_train_unet_only=True).groups
    assert [group.name for group in groups] == ["unet"]


def test_lora_plus_parts_the_halves() -> None:
    groups = asked(
        optimizer_type="AdamW", learning_rate=1e-4, network_train_unet_only=True, network_args=["loraplus_lr_ratio=16"]
    )
    down, up = groups.groups
    assert (down.tensors, up.tensors) == (192, 192)
    assert up.learning_rate == pytest.approx(16e-4)
    assert all(shape.at_zero for shape in up.shapes)
    assert not any(shape.at_zero for shape in down.shapes)


def test_shapes_are_those_of_the_jobs_own_checkpoint(tmp_path: Path) -> None:
    shapes = {
        "model.diffusion_model.input_blocks.0.0.weight": [8, 4, 3, 3],
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight": [8, 8],
        "model.diffusion_model.input_blocks.1.0.in_layers.2.weight": [8, 8, 3, 3],
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight": [24, 6],
    }
    empty = {name: {"dtype": "F16", "shape": sizes, "data_offsets": [0, 0]} for name, sizes in shapes.items()}
    header = json.dumps(empty).encode()
    (tmp_path / "small.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    path = str(tmp_path / "small.safetensors")
    groups = asked(learning_rate=1e-4, network_dim=2, pretrained_model_name_or_path=path).groups
    text, unet = groups
    assert text.shapes == (Shape((2, 6), 1, False), Shape((24, 2), 1, True))
    assert unet.shapes == (Shape((2, 8), 1, False), Shape((8, 2), 1, True))
    more: list[str] = ["conv_dim=3"]
    _, unet = asked(learning_rate=1e-4, network_dim=2, network_args=more, pretrained_model_name_or_path=path).groups
    assert Shape((3, 8, 3, 3), 1, False) in unet.shapes


def test_the_key_follows_what_is_tried_and_nothing_else() -> None:
    one = asked(optimizer_type="AdamW", learning_rate=1e-4)
    assert one.key(None) == asked(optimizer_type="AdamW", learning_rate=1e-4).key(None)
    assert one.key(None) != asked(optimizer_type="AdamW", learning_rate=2e-4).key(None)


def test_an_install_makes_another_key(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    environment = Environment(id="one", name="one", python=tmp_path / "bin" / "python", sd_scripts=None)
    one = asked(optimizer_type="AdamW", learning_rate=1e-4)
    before = one.key(environment)
    assert one.key(environment) == before
    (packages / "prodigyopt").mkdir()
    os.utime(packages, ns=(1, 1))  # a coarse clock may not have moved
    assert one.key(environment) != before


def test_a_counted_length_wins_over_the_default() -> None:
    known = snapshot_for("train_network.py")
    assert known is not None
    job = Job(options=MappingProxyType({"max_train_epochs": 3}))
    assert question(job, known, load_catalogue()).steps == 1600
    assert question(job, known, load_catalogue(), total_steps=30).steps == 30


def test_the_sweep_is_adafactor_s_alone_and_keeps_the_other_arguments() -> None:
    sweep = asked(curves=True, optimizer_type="AdaFactor", optimizer_args=["eps=(1e-20, 0.1)", "decay_rate=-0.7"]).request[
        "curves"
    ]["sweep"]
    assert [value for value, _ in sweep][-1] == 1.0
    assert sweep[-1][1] == {"optimizer_args": ["eps=(1e-20, 1.0)", "decay_rate=-0.7"]}
    assert not asked(curves=True, optimizer_type="AdaFactor", optimizer_args=["relative_step=False"]).request["curves"]["sweep"]
    assert not asked(curves=True, optimizer_type="AdamW").request["curves"]["sweep"]


def test_the_defaults_are_drawn_beside_arguments_only_where_there_are_any() -> None:
    names = [
        name
        for name, _ in asked(curves=True, optimizer_type="prodigy", optimizer_args=["d_coef=2"]).request["curves"]["variants"]
    ]
    assert names == ["job", "defaults"]
    assert [name for name, _ in asked(curves=True, optimizer_type="prodigy").request["curves"]["variants"]] == ["job"]


def test_precision_length_and_loss_are_the_job_s() -> None:
    request = asked(optimizer_type="AdamW", full_bf16=True, max_train_steps=70, max_grad_norm=0).request
    assert (request["dtype"], request["steps"], request["max_grad_norm"]) == ("bfloat16", 70, 0.0)


def test_words() -> None:
    assert Group("unet", None, (Shape((4, 8), 3), Shape((8, 4), 3, at_zero=True))).tensors == 6
    assert (bytes_line(2048), bytes_line(3 * 1024**2)) == ("2.0 KiB", "3.0 MiB")
    assert facts_of(Report(ending="unknown"))[0][1].en == "could not be tried"
    curve = Curve(variant="job", steps=(0, 4), rates=(), d_rates=(), effective=(), loss=(), stride=4, ended_early=False)
    assert "4 of the 8" in stride_note(curve, 8).en
