"""A job that is exported and imported again is the same job; and no bytes, however broken, raise more than a sentence.

The default run takes few random jobs; `python main.py test --exhaustive tests/unit/core/convert/test_identity.py` takes 10,000.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.catalogue.loader import load_catalogue
from core.command.export import FORMATS, Format, encode, export_job
from core.convert.read import read_bytes, read_file
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from core.options.snapshot import accelerate_options, load_snapshot
from tests.helpers.selection import chosen

CATALOGUE = load_catalogue()
SETS = load_snapshot()
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
ENDINGS = {"argv": ".json", "sh": ".sh", "bat": ".bat", "ps1": ".ps1", "toml": ".toml"}
PLACES = (
    Environment(
        id="w", name="Windows", python=Path("C:\\Program Files\\学習 100%\\python.exe"), sd_scripts=Path("D:\\sd & (scripts) 50%")
    ),
    Environment(id="p", name="Linux", python=Path("/opt/it's $HOME/python"), sd_scripts=Path("/data/sd 'scripts' `x`")),
)
TEXTS = st.one_of(
    st.text(st.sampled_from(" \t\"'\\$`!%^&|<>()*;=,-@~#あ’\n\r"), max_size=10),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.sampled_from(
        ["", "--", "-", "--learning_rate", "a b", "train.py", "%PATH%", "$HOME", "${A}", "%~dp0", "set A=b", "$a = 'b'", "true"]
    ),
)
ITEMS = st.lists(
    st.builds(
        lambda name, value: f"{name}={value!r}",
        st.sampled_from(["betas", "eps", "weight_decay", "decouple", "mode", "d_coef"]),
        st.one_of(
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False, allow_infinity=False),
            TEXTS,
            st.tuples(st.floats(0, 1), st.floats(0, 1)),
        ),
    ),
    min_size=1,
    max_size=4,
)


def values(option: Option) -> st.SearchStrategy[Any]:
    if option.name == "optimizer_args":
        return ITEMS
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        return st.just(option.kind is OptionKind.FLAG)  # a switch that stays as it is, a command line says by silence
    one: st.SearchStrategy[Any] = TEXTS
    if option.kind is OptionKind.INT:
        one = st.integers(-(2**53), 2**53)
    elif option.kind is OptionKind.FLOAT:
        one = st.floats(allow_nan=False, allow_infinity=False)
    elif option.kind is OptionKind.INT_OR_FLOAT:
        one = st.one_of(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
    return st.lists(one, max_size=3) if option.is_list else one


@st.composite
def some(draw: st.DrawFn, options: OptionSet, most: int) -> MappingProxyType[str, OptionValue]:
    names = draw(st.lists(st.sampled_from(list(options)), unique_by=lambda option: option.name, max_size=most))
    return MappingProxyType({option.name: draw(values(option)) for option in names})


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    options = SETS[draw(st.sampled_from(sorted(SETS)))]
    accelerate = draw(some(accelerate_options(), 3))
    return Job(script=options.script, options=draw(some(options, 8)), accelerate=accelerate)


def exported(job: Job, format: Format, place: Environment) -> bytes | None:
    """None where the format cannot say the job, which it then refuses with the reason."""
    try:
        return encode(export_job(job, format, environment=place, options=SETS[job.script]), format)
    except Problems:
        return None


def survives(job: Job, place: Environment) -> int:
    """In how many formats the job came back; fails where it came back as another."""
    count = 0
    for format in FORMATS:
        data = exported(job, format, place)
        if data is None:
            continue
        again = read_bytes(data, f"job{ENDINGS[format]}", CATALOGUE, SETS[job.script], folder="C:\\here").job
        assert again == job, format
        assert [type(value) for value in again.options.values() if isinstance(value, (bool, str))] == [
            type(value) for value in job.options.values() if isinstance(value, (bool, str))
        ]
        count += 1
    return count


@chosen("count", [40], [10_000])
def test_random_jobs_survive_every_format(count: int) -> None:
    came_back = {"formats": 0}

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=SLOW)
    @given(jobs(), st.sampled_from(PLACES))
    def check(job: Job, place: Environment) -> None:
        came_back["formats"] += survives(job, place)

    check()
    assert came_back["formats"] > count  # most of them can be said in more than one format


def test_a_plain_job_survives_all_five() -> None:
    options: dict[str, OptionValue] = {
        "optimizer_type": "Prodigy",
        "optimizer_args": ["betas=(0.9, 0.99)", "decouple=True"],
        "learning_rate": 1.0,
        "output_dir": "D:\\学習 100% & 'mine'",
        "network_args": ["conv_dim=4"],
        "sdpa": True,
    }
    job = Job(options=MappingProxyType(options), accelerate=MappingProxyType({"num_processes": 1}))
    assert [survives(job, place) for place in PLACES] == [5, 5]


SEEDS = (
    b'{"LoRA_type": "Standard", "max_resolution": [1], "optimizer_args": 5, "text_encoder_lr": {}, "epoch": "x"}',
    b'{"training_method": [], "model_type": {}, "optimizer": {"optimizer": []}, "resolution": null, "train_dtype": []}',
    b'[args.a]\nlearning_rate = "x"\noptimizer_args = 1\n[dataset]\nsubsets = [1]\n',
    b"set A=%A%%A%\nset A=%A%%A%\naccelerate launch train_network.py --a %A%\n",
    b'A=$A$A\naccelerate launch train_network.py --a "$A" \'\n',
    b'$a = "$a$a"\n& python train_network.py --a $a `\n',
    b'["python", "train_network.py", "--seed"]',
)


@chosen("count", [80], [10_000])
def test_no_bytes_raise_more_than_a_sentence(count: int, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=SLOW)
    @given(
        st.one_of(st.binary(max_size=200), st.sampled_from(SEEDS)),
        st.integers(0, 120),
        st.binary(max_size=4),
        st.sampled_from([*ENDINGS.values(), ".txt", ".safetensors"]),
    )
    def check(data: bytes, cut: int, more: bytes, ending: str) -> None:
        for content in (data, data[:cut] + more, data[:cut] + more + data[cut:]):
            try:
                if ending == ".safetensors":
                    path.write_bytes(len(content).to_bytes(8, "little") + content)
                    read_file(path, CATALOGUE)
                else:
                    read_bytes(content, f"a{ending}", CATALOGUE)
            except CaddieError as error:
                assert error.text.en and error.text.ja

    check()


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
JSON = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3))
)


@pytest.mark.parametrize("source", [0, 1])
@chosen("count", [40], [5_000])
def test_values_of_any_kind_are_booked(source: int, count: int) -> None:
    """Real keys with values that no front end writes: still nothing is lost, and the job can be saved."""
    keys = [
        [
            "LoRA_type",
            "optimizer_args",
            "lr_warmup",
            "epoch",
            "xformers",
            "sample_prompts",
            "seed",
            "unet_lr",
            "text_encoder_lr",
            "max_resolution",
        ],
        [
            "optimizer",
            "unet",
            "text_encoder",
            "resolution",
            "learning_rate_scheduler",
            "save_every",
            "clip_grad_norm",
            "train_dtype",
            "epochs",
            "secrets",
        ],
    ][source]
    always = [{"LoRA_type": "Standard"}, {"training_method": "LORA", "model_type": "FLUX_DEV_1"}][source]

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=SLOW)
    @given(st.dictionaries(st.one_of(st.sampled_from(keys), st.text(max_size=6)), JSON, max_size=6))
    def check(found: dict[str, object]) -> None:
        document = {**always, **found}
        imported = read_bytes(json.dumps(document).encode(), "a.json", CATALOGUE)
        told = {entry.key.split(".")[0] for entry in imported.report.entries} | {entry.key for entry in imported.report.entries}
        again = cast("dict[str, object]", json.loads(json.dumps(document)))
        empty_tables = {key for key, value in again.items() if key in ("unet", "text_encoder", "optimizer") and not value}
        assert {key.split(".")[0] for key in again} - {key.split(".")[0] for key in told} - empty_tables <= {
            "unet",
            "text_encoder",
        }

    check()


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"LoRA_type": "Standard", "epoch": 0.5}, "epoch"),
        ({"training_method": "LORA", "model_type": "FLUX_DEV_1", "prior": None}, "prior"),
        ({"training_method": "LORA", "model_type": "FLUX_DEV_1", "unet": 5}, "unet"),
    ],
)
def test_values_that_were_once_lost_are_booked(document: dict[str, object], key: str) -> None:
    imported = read_bytes(json.dumps(document).encode(), "a.json", CATALOGUE)
    assert key in {entry.key for entry in imported.report.entries}
