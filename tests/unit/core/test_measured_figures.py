"""From the benchmark's figures to the catalogue's file, and back through the loader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.catalogue.loader import CATALOGUE_FOLDER, load_catalogue
from tests.helpers import update_measured
from tests.helpers.update_measured import main, measured_toml

START = {
    "device": "cuda",
    "device_name": 'A "quoted" GPU',
    "threads": 1,
    "torch": "2.13.0",
    "set": "sdxl",
    "tensors": 1444,
    "parameters": 1000,
    "bandwidth": 3e12,
}


def side(path: str, package: str, **more: object) -> dict[str, object]:
    figures = {"version": "1.0", "status": "measured", "state_bytes": 13_834, "relative_cost": 1.23456}
    return {"path": path, "package": package, **figures, **more}


PRODIGY = {
    "name": "Prodigy",
    "variant": "",
    "reference": side("prodigyopt.Prodigy", "prodigyopt"),
    "ours": side("optimizers.Prodigy", "optimizers", version=None, relative_cost=0.045678),
}


def document(*rows: dict, **more: object) -> dict:
    given = {"format": 1, "date": "2026-11-01", "command": "python main.py bench optimizers", "start": START, "problem": None}
    return {**given, "rows": list(rows), **more}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalogue that may be written to."""
    copy = tmp_path / "catalogue"
    shutil.copytree(CATALOGUE_FOLDER, copy, ignore=shutil.ignore_patterns("_measured.toml"))
    monkeypatch.setattr(update_measured, "CATALOGUE_FOLDER", copy)
    monkeypatch.setattr(update_measured, "load_catalogue", lambda: load_catalogue(copy))
    return copy


def written(tmp_path: Path, figures: dict) -> str:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures), encoding="utf-8")
    return str(path)


def test_figures_come_back_through_the_loader(folder: Path, tmp_path: Path) -> None:
    assert main([written(tmp_path, document(PRODIGY))]) == 0
    catalogue = load_catalogue(folder)
    measured = catalogue["Prodigy"].measured
    assert measured is not None
    assert (measured.where.device_name, measured.where.parameter_set) == ('A "quoted" GPU', "sdxl")
    assert measured.reference is not None
    assert (measured.reference.state_bytes, measured.reference.step_cost) == (13.83, 1.23)
    assert measured.fast is not None
    assert (measured.fast.step_cost, measured.fast.version) == (0.0457, None)
    assert [spec.id for spec in catalogue if spec.measured is not None] == ["Prodigy"]


def test_the_former_run_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    came = {"name": "CAME", "variant": "", "reference": side("came_pytorch.CAME", "came-pytorch")}
    assert main([written(tmp_path, document(PRODIGY))]) == 0
    assert main([written(tmp_path, document(came))]) == 0
    assert [spec.id for spec in load_catalogue(folder) if spec.measured is not None] == ["CAME"]


def test_only_references_on_request(folder: Path, tmp_path: Path) -> None:
    assert main([written(tmp_path, document(PRODIGY)), "--references-only"]) == 0
    measured = load_catalogue(folder)["Prodigy"].measured
    assert measured is not None
    assert measured.reference is not None
    assert measured.fast is None


def test_what_was_not_measured_and_variants_get_no_figures() -> None:
    lost = {**PRODIGY, "ours": {"status": "not-there"}}
    text = measured_toml(document({**PRODIGY, "variant": "fused", "name": "AdamW"}, lost), load_catalogue())
    assert "[optimizers.Prodigy.reference]" in text
    assert "fast" not in text.partition("[where]")[2]
    assert "AdamW]" not in text


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (document(PRODIGY, format=2), "format"),
        (document(PRODIGY, problem="out of memory"), "out of memory"),
        (document(), "no optimizer"),
        (document({**PRODIGY, "reference": {"status": "failed", "path": "prodigyopt.Prodigy"}, "ours": {}}), "no optimizer"),
        (document({**PRODIGY, "reference": side("other.Prodigy", "other")}), "is not what sd-scripts builds"),
    ],
)
def test_unfit_figures_change_nothing(folder: Path, tmp_path: Path, capsys, figures: dict, words: str) -> None:
    assert main([written(tmp_path, figures)]) == 1
    assert words in capsys.readouterr().err
    assert not (folder / "_measured.toml").exists()


def test_a_class_may_stand_under_a_shorter_path_of_its_package() -> None:
    row = {"name": "EmoNavi", "variant": "", "reference": side("pytorch_optimizer.EmoNavi", "pytorch-optimizer")}
    assert "[optimizers.EmoNavi.reference]" in measured_toml(document(row), load_catalogue())


def test_wrong_usage(capsys) -> None:
    assert main([]) == 2
    assert main(["a.json", "--quickly"]) == 2
    assert "usage" in capsys.readouterr().err
