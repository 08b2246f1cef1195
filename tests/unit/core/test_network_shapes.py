"""The LoRA's tensors from a checkpoint's header, against what sd-scripts' networks.lora made (48d368f).

tests/golden/lora_tensors.json.gz holds names and shapes of two whole checkpoints (SD 1.5 and SDXL), and of each network that
`create_network(1.0, 16, 1.0, …)` built for them the number of tensors and the SHA-256 of `[[name, shape], …]` in its order.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from core.errors import CaddieError
from core.job.model import Job
from core.network.shapes import Model, lora_shapes, model_from_header, read_model
from core.options.model import OptionValue
from core.training.models.family import Family, ModelFacts
from core.training.models.header import Header

GOLDEN: dict[str, Any] = json.loads(gzip.decompress((Path(__file__).parents[2] / "golden" / "lora_tensors.json.gz").read_bytes()))


def model(family: Family) -> Model:
    shapes = {name: tuple(sizes) for name, sizes in GOLDEN["headers"][family].items()}
    facts = ModelFacts(Path("model.safetensors"), "single-file", family, "epsilon", "float16")
    return model_from_header(facts, Header(shapes, dict.fromkeys(shapes, "F16"), {}))


def job(**options: OptionValue) -> Job:
    return Job(script="train_network.py", options=MappingProxyType({"network_dim": 16, **options}))


def arguments(family: str, kind: str) -> list[str]:
    blocks = 23 if family == "sdxl" else 25
    dims, conv_dims = (",".join(str(low + i % turn) for i in range(blocks)) for low, turn in ((2, 5), (0, 3)))
    known = {"conv": ["conv_dim=8", "conv_alpha=1"], "blocks": [f"block_dims={dims}", f"conv_block_dims={conv_dims}"]}
    return known.get(kind, [])


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("kind", ["plain", "conv", "blocks"])
def test_names_shapes_and_order_are_those_of_sd_scripts(family: Family, kind: str) -> None:
    found = lora_shapes(job(network_args=arguments(family, kind)), model(family)).tensors
    assert found is not None
    listed = [[one.name, list(one.sizes)] for one in found]
    expected = GOLDEN["lora"][f"{family} {kind}"]
    assert len(listed) == expected["count"]
    assert hashlib.sha256(json.dumps(listed).encode()).hexdigest() == expected["sha256"]


def test_a_part_that_is_not_trained_has_no_tensors() -> None:
    shapes = lora_shapes(job(network_train_unet_only=True), model("sdxl"))
    assert len(shapes.of_group("unet")) == 2 * 722
    assert shapes.of_group("text_encoder1") == ()
    shapes = lora_shapes(job(network_train_text_encoder_only=True), model("sdxl"))
    assert (len(shapes.of_group("unet")), len(shapes.of_group("text_encoder1")), len(shapes.of_group("text_encoder2"))) == (
        0,
        2 * 72,
        2 * 192,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"network_module": "lycoris.kohya"},
        {"network_module": "networks.dylora"},
        {"dim_from_weights": True, "network_weights": "one.safetensors"},
        {"network_args": ["block_dims=1,2"]},
        {"network_dim": "many"},
        {"network_args": ["conv_dim=x"]},
    ],
)
def test_what_is_not_known_is_said_to_be_unknown(options: dict[str, OptionValue]) -> None:
    shapes = lora_shapes(job(**options), model("sd1"))
    assert shapes.tensors is None
    assert shapes.why is not None and shapes.why.en and shapes.why.ja


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.safetensors").write_bytes(b"nothing of that kind")
    with pytest.raises(CaddieError):
        read_model(tmp_path / "one.safetensors")
