"""Prompt files say what sd-scripts reads in them; what it would drop or bend is told by its place."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CaddieError, Problems
from core.training.sampling import prompts as prompts_module
from core.training.sampling.prompts import SamplePrompt, prompts_of, read_prompts, sampler_problem
from core.training.sampling.times import SampleTimes, file_name, unused
from core.training.settings import SampleSettings
from core.training.state import Place


def write(folder: Path, content: str | bytes, name: str = "prompts.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        read_prompts(path)
    return [problem.en for problem in caught.value.problems]


def test_lines_as_sd_scripts_reads_them(tmp_path: Path) -> None:
    text = (
        "# a remark\n"
        "\n"
        "1girl, (red hair:1.2) --n bad hands, low quality --w 768 --H 1024 --d 42 --s 20 --l 5.5 --ss euler_a\n"
        "  two cats\n"
        "d 2 cats --d 1 --d 3\n"
        "--n only negative\n"
    )
    found = read_prompts(write(tmp_path, text)).prompts
    assert found == (
        SamplePrompt(
            number=0,
            text="1girl, (red hair:1.2)",
            negative="bad hands, low quality",
            width=768,
            height=1024,
            seed=42,
            steps=20,
            scale=5.5,
            sampler="euler_a",
        ),
        SamplePrompt(number=1, text="two cats"),
        SamplePrompt(number=2, text="d 2 cats", seed=3),
        SamplePrompt(number=3, text="", negative="only negative"),
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_where_sd_scripts_ends_them(tmp_path: Path, end: str) -> None:
    """Text that was copied from a page may hold other characters that count as ends of lines elsewhere."""
    found = read_prompts(write(tmp_path, f"two\u2028cats\x0b\x85 --d 1{end}# no{end}{end}a dog"))
    assert [(prompt.text, prompt.seed) for prompt in found.prompts] == [("two\u2028cats\x0b\x85", 1), ("a dog", None)]


def test_toml_and_json_say_the_same_as_lines(tmp_path: Path) -> None:
    toml = (
        '[prompt]\nwidth = 640\nnegative_prompt = "bad"\n'
        '[[prompt.subset]]\nprompt = "a cat"\nseed = 7\n[[prompt.subset]]\nprompt = "a dog"\nwidth = 512\nscale = 3\n'
    )
    entries = [
        {"prompt": "a cat", "width": 640, "negative_prompt": "bad", "seed": 7},
        "a dog --n bad --l 3 --w 512",
    ]
    from_toml = read_prompts(write(tmp_path, toml, "p.toml")).prompts
    assert from_toml == read_prompts(write(tmp_path, json.dumps(entries), "p.JSON")).prompts
    assert from_toml[0] == SamplePrompt(number=0, text="a cat", negative="bad", width=640, seed=7)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932", "utf-16"])
def test_what_windows_writes_is_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "赤い髪の女の子 --n 低品質\r\n".encode(encoding))
    assert read_prompts(path).prompts == (SamplePrompt(number=0, text="赤い髪の女の子", negative="低品質"),)


def test_everything_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "a cat --w 5O0\n\nb --ar 16:9 --s 0\nc --ss eular\nd --l nan --d -1 --w\n")
    found = problems_of(path)
    assert found[0] == "line 1: width = '5O0' is not a whole number of pixels"
    assert found[1].startswith("line 3: --ar is unknown; there are --w --h")
    assert found[2] == "line 3: sample_steps = 0 is not a whole number from 1 to 1000"
    assert found[3].startswith("line 4: sample_sampler = 'eular' is none of: ddim,")
    assert "did you mean euler?" in found[3]
    assert {line.split(" = ")[0] for line in found[4:]} == {"line 5: scale", "line 5: seed", "line 5: width"}
    entries = [{"promt": "x"}, {"prompt": 3}, {"prompt": "x", "width": True}, 4]
    found = problems_of(write(tmp_path, json.dumps(entries), "p.json"))
    assert found == [
        "prompt 1: promt is unknown; did you mean prompt?",
        "prompt 2: prompt = 3 is not a text",
        "prompt 3: width = True is not a whole number of pixels",
        "prompt 4: 4 is no prompt",
    ]


def test_options_for_other_models_are_told_and_change_nothing(tmp_path: Path) -> None:
    found = read_prompts(write(tmp_path, "a cat --g 3.5 --cn pose.png --fs 3 --s 9\n"))
    assert found.prompts == (SamplePrompt(number=0, text="a cat", steps=9),)
    assert [warning.en.split(" has no effect")[0] for warning in found.warnings] == [
        "line 1: guidance_scale",
        "line 1: controlnet_image",
        "line 1: flow_shift",
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.yaml", "a", "has to end with .txt, .toml or .json"),
        ("p.txt", "# nothing\n", "there is no prompt in it"),
        ("p.toml", '[prompt]\nprompt = "x"\n', r"no \[\[prompt.subset\]\]"),
        ("p.toml", "[prompt\n", "cannot be read"),
        ("p.json", "{", "cannot be read"),
        ("p.json", "{}", "no list of prompts"),
        ("p.txt", b"\x80\xff\xfe\x81", "neither UTF-8 nor Shift JIS"),
    ],
)
def test_files_that_are_no_prompt_files(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(CaddieError, match=words):
        read_prompts(write(tmp_path, content, name))


def test_a_job_is_told_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prompts_of(SampleSettings()).prompts == ()
    with pytest.raises(CaddieError, match="names no prompts"):
        prompts_of(SampleSettings(every_steps=10))
    with pytest.raises(CaddieError, match="cannot be read"):
        prompts_of(SampleSettings(prompts=str(tmp_path / "no.txt")))
    path = str(write(tmp_path, "a cat"))
    with pytest.raises(CaddieError, match="is none of"):
        prompts_of(SampleSettings(prompts=path, sampler="karras"))
    assert len(prompts_of(SampleSettings(prompts=path, sampler="k_euler_a")).prompts) == 1
    few = str(write(tmp_path, "a cat --s 4\na dog --s 3 --ss ddim\na cat --s 3", "few.txt"))
    assert len(prompts_of(SampleSettings(prompts=few)).prompts) == 3
    with pytest.raises(CaddieError, match="prompt 3 wants 3 steps, but the sampler pndm needs 4"):
        prompts_of(SampleSettings(prompts=few, sampler="pndm"))
    monkeypatch.setattr(prompts_module.importlib.util, "find_spec", lambda name: None)
    problem = sampler_problem("lms")
    assert problem is not None
    assert "scipy" in problem.en
    assert sampler_problem("euler") is None


def at(step: int, epoch: int = 0, batch: int = 1) -> Place:
    return Place(step=step, epoch=epoch, batch=batch)


def test_pictures_come_when_sd_scripts_draws_them() -> None:
    settings = SampleSettings(prompts="p.txt", every_steps=10)
    times = SampleTimes(settings)
    start = at(0, batch=0)
    assert not times.samples_at(start, False)
    assert [step for step in range(1, 31) if times.samples_at(at(step), False)] == [10, 20, 30]
    assert not times.samples_at(at(10, 1, 0), True)  # an epoch's end is no step
    assert SampleTimes(replace(settings, at_first=True)).samples_at(start, False)

    epochs = SampleTimes(replace(settings, every_epochs=2, at_first=True))  # epochs win over steps
    assert epochs.samples_at(start, False)
    assert not any(epochs.samples_at(at(step), False) for step in range(1, 31))
    assert [epoch for epoch in range(1, 7) if epochs.samples_at(at(5 * epoch, epoch, 0), True)] == [2, 4, 6]

    assert not SampleTimes(replace(settings, prompts="", at_first=True)).samples_at(start, False)


def test_a_resumed_training_draws_nothing_at_its_start() -> None:
    times = SampleTimes(SampleSettings(prompts="p.txt", every_steps=10, at_first=True), first_step=20)
    assert not times.samples_at(at(20), False)
    assert times.samples_at(at(30), False)


def test_names_are_those_of_sd_scripts() -> None:
    stamp = r"_\d{14}_"
    for name, place, expected in (
        ("demo", at(20), rf"demo_000020_03{stamp}7.png"),
        ("demo", at(20, 2, 0), rf"demo_e000002_03{stamp}7.png"),
        ("", at(0, 0, 0), rf"e000000_03{stamp}7.png"),
    ):
        assert re.fullmatch(expected, file_name(name, place, 3, 7))


def test_pictures_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "demo_000020_00_20260101000000_7.png"
    assert unused(path) == path
    path.touch()
    second = unused(path)
    assert second.name == "demo_000020_00_20260101000000_7-2.png"
    second.touch()
    assert unused(path).name == "demo_000020_00_20260101000000_7-3.png"
