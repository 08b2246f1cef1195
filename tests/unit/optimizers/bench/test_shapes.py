"""The measured sets are those of the real networks.

Counts, totals and the digests of all shapes in order were taken from the real modules on the meta device: sd-scripts at
48d368f (`networks.lora.LoRANetwork`, rank 16, over `original_unet` with SD1.5's configuration and transformers'
CLIPTextModel; over `sdxl_original_unet`), and `original_unet`'s own parameters 43 to 161 for `full`.
"""

from __future__ import annotations

import hashlib

import pytest

from optimizers.bench.shapes import SETS, TINY, tensors_of

REAL = {
    "sd15": (528, 9_437_184, 21, "721c9ded54fdb1e1"),
    "sdxl": (1444, 42_557_440, 9, "9f0410eba0128e3e"),
    "full": (119, 48_380_800, 20, "c1340f9e95f25bdb"),
}


@pytest.mark.parametrize("name", REAL)
def test_shapes_are_those_of_the_real_network_in_its_order(name: str) -> None:
    tensors = tensors_of(name)
    shapes = [tensor.shape for tensor in tensors]
    digest = hashlib.sha256(repr(shapes).encode()).hexdigest()[:16]
    assert (len(tensors), sum(tensor.numel for tensor in tensors), len(set(shapes)), digest) == REAL[name]


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_every_second_tensor_of_a_lora_is_an_up_and_begins_as_zeros(name: str) -> None:
    tensors = tensors_of(name)
    downs, ups = tensors[::2], tensors[1::2]
    assert all(tensor.shape[0] == 16 and not tensor.zero for tensor in downs)
    assert all(tensor.shape[1] == 16 and tensor.zero for tensor in ups)
    assert all(len(down.shape) == len(up.shape) for down, up in zip(downs, ups, strict=True))


def test_convolutions_have_four_dimensions() -> None:
    of_sd15 = [tensor.shape for tensor in tensors_of("sd15") if len(tensor.shape) == 4]
    assert len(of_sd15) == 2 * 2 * 16  # proj_in and proj_out of 16 transformers, each with a down and an up
    assert all(shape[2:] == (1, 1) for shape in of_sd15)
    assert {len(tensor.shape) for tensor in tensors_of("sdxl")} == {2}
    assert {shape[2:] for shape in {tensor.shape for tensor in tensors_of("full")} if len(shape) == 4} == {(1, 1), (3, 3)}
    assert {len(tensor.shape) for tensor in tensors_of("full")} == {1, 2, 4}


@pytest.mark.parametrize("name", REAL)
def test_tiny_sets_keep_the_number_of_tensors_and_their_dimensions(name: str) -> None:
    tensors, tiny = tensors_of(name), tensors_of(name + TINY)
    assert name + TINY in SETS
    assert [len(tensor.shape) for tensor in tiny] == [len(tensor.shape) for tensor in tensors]
    assert [tensor.zero for tensor in tiny] == [tensor.zero for tensor in tensors]
    assert max(max(tensor.shape) for tensor in tiny) == 2


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(KeyError):
        tensors_of("sd16")
