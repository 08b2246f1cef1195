"""What the tools of the drivers print, read without them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.wizard.hardware import Hardware, find_hardware
from core.wizard.recipes import best_build, load_builds, load_recipes, why_no_gpu

BUILDS = load_builds()
ROCMINFO = """
*******
Agent 1
*******
  Marketing Name:          AMD Ryzen 9
  Device Type:             CPU
*******
Agent 2
*******
  Name:                    gfx1100
  Marketing Name:          Radeon RX 7900 XTX
  Device Type:             GPU
"""


def _answers(**by_tool: str):
    def ask(command: Sequence[str]) -> str | None:
        tool = command[0].replace("-", "_").rsplit("/", 1)[-1]
        text = by_tool.get(tool)
        return None if text is not None and "compute_cap" in " ".join(command) and text.startswith("OLD ") else (text or None)

    return ask


@pytest.mark.parametrize(
    ("printed", "driver", "capability", "build"),
    [
        ("NVIDIA GeForce RTX 4090, 561.09, 8.9, 24564\n", 561, 8.9, "cu124"),
        ("NVIDIA GeForce RTX 5090, 572.16, 12.0, 32607\n", 572, 12.0, "cu128"),
        ("NVIDIA GeForce RTX 3060, 531.79, 8.6, 12288\nNVIDIA GeForce GTX 1060, 531.79, 6.1, 6144\n", 531, 8.6, "cu124"),
        ("NVIDIA GeForce GTX 1080, 472.12, 6.1, 8192\n", 472, 6.1, "cu118"),
    ],
)
def test_an_nvidia_gpu_gets_the_build_that_its_driver_and_age_allow(printed, driver, capability, build) -> None:
    found = find_hardware(_answers(nvidia_smi=printed), platform_name="win32")
    assert (found.system, found.gpu, found.driver, found.capability) == ("windows", "nvidia", driver, capability)
    assert best_build(BUILDS, found).id == build
    assert why_no_gpu(BUILDS, found) is None


def test_an_old_driver_that_knows_no_capability_is_asked_without() -> None:
    found = find_hardware(_answers(nvidia_smi="OLD GPU, 470.10, 8192\n"), platform_name="linux")
    assert (found.name, found.driver, found.capability, found.memory) == ("OLD GPU", 470, None, 8192 * 1024**2)
    assert best_build(BUILDS, found).id == "cu118"


def test_a_driver_that_is_too_old_for_every_build_is_told() -> None:
    found = find_hardware(_answers(nvidia_smi="NVIDIA GTX 980, 391.35, 5.2, 4096\n"), platform_name="win32")
    assert best_build(BUILDS, found).id == "cpu"
    words = why_no_gpu(BUILDS, found)
    assert words is not None
    assert "391" in words.en


def test_a_new_gpu_with_an_old_driver_does_not_get_a_build_that_cannot_run_on_it() -> None:
    found = find_hardware(_answers(nvidia_smi="NVIDIA GeForce RTX 5070, 560.1, 12.0, 12227\n"), platform_name="win32")
    assert best_build(BUILDS, found).id == "cpu"
    assert why_no_gpu(BUILDS, found) is not None


def test_amd_on_linux_apple_and_nothing() -> None:
    amd = find_hardware(_answers(rocminfo=ROCMINFO), platform_name="linux")
    assert (amd.gpu, amd.name) == ("amd", "Radeon RX 7900 XTX")
    assert best_build(BUILDS, amd).id.startswith("rocm")
    apple = find_hardware(_answers(), platform_name="darwin", machine="arm64")
    assert best_build(BUILDS, apple).id == "macos"
    nothing = find_hardware(_answers(), platform_name="win32")
    assert nothing == Hardware(system="windows")
    assert best_build(BUILDS, nothing).id == "cpu"


def test_the_shipped_recipes_name_what_a_set_up_needs() -> None:
    for recipe in load_recipes():
        assert "{ref}" in recipe.zip
        assert recipe.repository.endswith(".git")
        assert recipe.python[0] == "3.10"
        assert recipe.help.ja
    for build in BUILDS:
        assert build.name.ja
        assert build.bytes > 1024**3
