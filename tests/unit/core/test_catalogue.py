"""The shipped catalogue, and the strictness of its loader."""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.catalogue.kinds import from_literal, literal
from core.catalogue.loader import CATALOGUE_FOLDER, load_catalogue
from core.catalogue.spec import ArgumentSpec, Fact, Knowledge, LrMethod, OptimizerSpec
from core.errors import Problems
from core.text import Text
from tests.helpers.sd_scripts_rules import SCHEDULERS

CATALOGUE = load_catalogue()
every_optimizer = pytest.mark.parametrize("spec", list(CATALOGUE), ids=lambda spec: spec.id)

IN_TABLE_ORDER = [
    *("AdamW", "AdamW8bit", "PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit"),
    *("SGDNesterov", "SGDNesterov8bit", "AdaFactor", "Lion", "Lion8bit", "PagedLion8bit"),
    *("DAdaptAdam", "DAdaptAdamPreprint", "DAdaptAdan", "DAdaptAdanIP", "DAdaptSGD", "DAdaptAdaGrad", "DAdaptLion"),
    *("Prodigy", "ProdigyPlusScheduleFree", "CAME", "AdEMAMix8bit", "PagedAdEMAMix8bit"),
    *("RAdamScheduleFree", "AdamWScheduleFree", "SGDScheduleFree", "EmoNavi", "EmoFact", "EmoLynx"),
]

# Cells of the reference table: "?" is an empty one (no information), "-" one that says "not needed", "" one with content.
REFERENCE_CELLS = {
    # id: background, since, --optimizer_args, other options
    "AdamW": ("?", "", "-", "-"),
    "AdamW8bit": ("?", "", "-", ""),
    "SGDNesterov": ("?", "?", "", "-"),
    "SGDNesterov8bit": ("?", "?", "", "-"),
    "AdaFactor": ("", "", "-", "-"),
    "Lion8bit": ("?", "?", "?", "?"),
    "PagedLion8bit": ("?", "", "?", "?"),
}

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def texts(thing: object, path: str = "") -> Iterator[tuple[str, Text]]:
    """Every text inside an entry, with the place it stands."""
    if isinstance(thing, Text):
        yield path, thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from texts(getattr(thing, field.name), f"{path}.{field.name}")
    elif isinstance(thing, tuple):
        for number, item in enumerate(thing):
            yield from texts(item, f"{path}[{getattr(item, 'name', number)}]")
    elif isinstance(thing, dict):
        for key, item in thing.items():
            yield from texts(item, f"{path}[{key}]")


def may_be_a_name(path: str) -> bool:
    """Names, versions, commands and units can be the same in every language; prose cannot."""
    cell = re.search(r"\.(homepage|background|low_precision|since|wanted_arguments|other_options)\.text$", path)
    return bool(cell) or path.endswith((".unit", ".category.name", ".source.title"))


# The shipped catalogue


def test_has_every_optimizer_in_the_order_of_the_table() -> None:
    assert [spec.id for spec in CATALOGUE] == IN_TABLE_ORDER


def test_optimizers_of_a_category_stand_together() -> None:
    orders = [spec.category.order for spec in CATALOGUE]
    assert orders == sorted(orders)
    assert {spec.category.id for spec in CATALOGUE} == {category.id for category in CATALOGUE.categories}


@pytest.mark.parametrize("optimizer_id", REFERENCE_CELLS)
def test_unknown_and_not_needed_are_those_of_the_reference_table(optimizer_id: str) -> None:
    def sign(fact: Fact) -> str:
        return {Knowledge.UNKNOWN: "?", Knowledge.NOT_NEEDED: "-", Knowledge.KNOWN: ""}[fact.knowledge]

    spec = CATALOGUE[optimizer_id]
    facts = (spec.background, spec.since, spec.wanted_arguments, spec.other_options)
    assert tuple(sign(fact) for fact in facts) == REFERENCE_CELLS[optimizer_id]
    assert spec.low_precision.knowledge is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    ("optimizer_type", "expected"),
    [
        ("", "AdamW"),
        ("adamw", "AdamW"),
        ("ADAFACTOR", "AdaFactor"),
        ("torch.optim.AdamW", "AdamW"),
        ("torch.optim.adamw", None),
        ("bitsandbytes.optim.AdEMAMix8bit", "AdEMAMix8bit"),
        ("AdEMAMix8bit", None),
        ("RMSprop", None),
    ],
)
def test_finds_what_an_option_means(optimizer_type: str, expected: str | None) -> None:
    found = CATALOGUE.find(optimizer_type)
    assert (found.id if found else None) == expected


def test_knows_what_a_name_that_fails_was_meant_to_be() -> None:
    meant = CATALOGUE.meant_by("ademamix8BIT")
    assert meant is not None
    assert meant.optimizer_type == "bitsandbytes.optim.AdEMAMix8bit"
    assert CATALOGUE.meant_by("RMSprop") is None


def test_old_switches_are_understood() -> None:
    old = CATALOGUE.find_for_options({"use_8bit_adam": True, "optimizer_type": ""})
    assert old is not None
    assert old.id == "AdamW8bit"
    new = CATALOGUE.find_for_options({"use_8bit_adam": False, "optimizer_type": "lion"})
    assert new is not None
    assert new.id == "Lion"


def test_adafactor_takes_a_scheduler_only_without_relative_step() -> None:
    spec = CATALOGUE["AdaFactor"]
    assert spec.lr_method is LrMethod.AUTOMATIC
    assert spec.ignores_scheduler({})
    assert not spec.ignores_scheduler({"relative_step": False})
    assert not CATALOGUE["AdamW"].ignores_scheduler({})


@every_optimizer
def test_speaks_both_languages(spec: OptimizerSpec) -> None:
    for path, text in texts(spec):
        assert text.en.strip() == text.en != "", path
        assert text.ja.strip() == text.ja != "", path
        assert not JAPANESE.search(text.en), path
        if not may_be_a_name(path):
            assert text.en != text.ja, path
            assert JAPANESE.search(text.ja), path


@every_optimizer
def test_prose_is_made_of_sentences(spec: OptimizerSpec) -> None:
    for path, text in texts(spec):
        if not may_be_a_name(path):
            assert text.en.endswith((".", "?")), path
            assert text.ja.endswith("。"), path


@every_optimizer
def test_fields_for_formatting_are_the_same_in_both_languages(spec: OptimizerSpec) -> None:
    for path, text in texts(spec):
        assert "{" not in text.en + text.ja, path  # nobody fills them


@every_optimizer
def test_cautions_and_tips_have_a_source(spec: OptimizerSpec) -> None:
    assert spec.cautions or spec.tips
    for note in (*spec.cautions, *spec.tips):
        assert note.source.key
    said = [note.text.en for note in (*spec.cautions, *spec.tips)]
    assert len(said) == len(set(said))


@every_optimizer
def test_every_default_and_example_survives_typing_and_the_command_line(spec: OptimizerSpec) -> None:
    def goes_round(argument: ArgumentSpec, value: object) -> bool:
        typed = argument.parse(argument.show(value))  # type: ignore[arg-type]
        spoken = from_literal(literal(value))  # type: ignore[arg-type]
        return typed == value == spoken and type(spoken) is type(value)

    for argument in spec.arguments:
        assert goes_round(argument, argument.default), argument.name
        for example in argument.examples:
            assert goes_round(argument, example.value), argument.name


@every_optimizer
def test_fitting_schedulers_exist(spec: OptimizerSpec) -> None:
    assert SCHEDULERS.issuperset(spec.schedulers.fits)
    assert set(spec.schedulers.ignored_when) <= {argument.name for argument in spec.arguments}


@every_optimizer
def test_numbers_make_sense(spec: OptimizerSpec) -> None:
    assert 0 < spec.learning_rate.start <= 1
    assert spec.state_bytes is None or 0 < spec.state_bytes < 64


# The loader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue of two optimizers that may be spoilt."""
    copy = tmp_path / "catalogue"
    copy.mkdir()
    for path in CATALOGUE_FOLDER.glob("_*.toml"):
        if path.name != "_measured.toml":  # it speaks of all of them
            shutil.copy(path, copy)
    for name in ("adamw.toml", "lion.toml"):
        shutil.copy(CATALOGUE_FOLDER / name, copy)
    return copy


Change = Callable[[Path, str, str], None]


@pytest.fixture
def change(folder: Path) -> Change:
    """Replaces one piece of text in a file of that catalogue; the piece has to be there."""

    def replace(file: Path, old: str, new: str) -> None:
        path = folder / file
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1), encoding="utf-8")

    return replace


def complaints(folder: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        load_catalogue(folder)
    for problem in caught.value.problems:
        assert JAPANESE.search(problem.ja) or problem.ja == problem.en
    return [problem.en for problem in caught.value.problems]


def test_a_sound_folder_loads(folder: Path) -> None:
    assert [spec.id for spec in load_catalogue(folder)] == ["AdamW", "Lion"]


def fast(rest: str, name: str = "optimizers.AdamW") -> str:
    """A table about a fast implementation, in front of the state."""
    return f"[fast]\noptimizer_type = '{name}'\n{rest}\n[state]"


def test_a_fast_implementation_is_a_name_of_its_entry(folder: Path, change: Change) -> None:
    change(Path("adamw.toml"), "[state]", fast("equals = 'torch 2.1'\nonly_with = { eps = 1e-8 }"))
    catalogue = load_catalogue(folder)
    found = catalogue.find("optimizers.AdamW")
    assert found is not None
    assert found is catalogue["AdamW"]
    assert found.fast is not None
    assert (found.fast.equals, found.fast.only_with, found.fast.requirements) == ("torch 2.1", {"eps": 1e-8}, ())
    assert found.names[-1] == "optimizers.AdamW"
    change(Path("lion.toml"), "[state]", fast("equals = 'x 1'"))
    assert complaints(folder) == ["lion.toml: name 'optimizers.AdamW' is already taken by adamw.toml."]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[pick_when]", "[pick_wen]", "adamw.toml: unknown key 'pick_wen'. Did you mean 'pick_when'?"),
        ("[pick_when]", "[pick_wen]", "adamw.toml: the key 'pick_when' is missing."),
        ('source = "sd-scripts-docs"', 'source = "sd-script-docs"', "Did you mean 'sd-scripts-docs'?"),
        ('category = "adamw"', 'category = "adamv"', "category 'adamv' is not declared. Did you mean 'adamw'?"),
        ('like = "betas"', 'like = "beta"', "argument 'beta' is not declared. Did you mean 'betas'?"),
        ('lr_method = "manual"', 'lr_method = "manuel"', "Did you mean 'manual'?"),
        ("default = [0.9, 0.999]", "default = [0.9, 1.0]", "[betas]: 'default' (0.9, 1.0): must be less than 1."),
        ("default = [0.9, 0.999]", "default = [0.9]", "'default' (0.9,): needs 2 numbers, has 1."),
        ("default = [0.9, 0.999]", 'default = [0.9, "a"]', "'default' must be true, false, a number"),
        ("default = 0.01", "", "[weight_decay]: the key 'default' is missing."),
        ("default = 0.01", "default = { none = true }", "'default' None: None is not allowed here."),
        ("default = 0.01", "default = nan", "NaN is not a usable number."),
        ("bytes = 8.0", "bytes = true", "adamw.toml [state]: 'bytes' must be a number."),
        ("bytes = 8.0", 'bytes = "unknwon"', "adamw.toml [state]: 'bytes' must be a number."),
        ('background = "unknown"', 'background = "unkown"', '\'background\' must be "unknown", "not-needed" or a table'),
        ('background = "unknown"', "", "adamw.toml [facts]: the key 'background' is missing."),
        ('links = ["https://docs', 'links = ["docs', "'links' must be a list of web addresses."),
        ('class_path = "torch.optim.AdamW"', 'class_path = "AdamW"', "'class_path' must be a dotted path"),
        ("order = 10", 'order = "10"', "'order' must be a whole number."),
        ("order = 10", "order = true", "'order' must be a whole number."),
        ("[summary]\nen =", "[summary]\nen = ''\nel =", "adamw.toml [summary]: 'en' must be a text that is not empty."),
        ("[summary]\nen =", "[summary]\nel =", "unknown key 'el'."),
        ("[[tips]]", "[tips]", "'tips' must be a list of tables ([[tips]])."),
        ("tags = []", "tags = [1]", "'tags' must be a list of texts."),
        ("fits = []", "ignored = 'no'", "'ignored' must be true or false."),
        ("fits = []", "ignored_when = { amsgrad = true }", "'ignored_when' needs 'ignored = true'."),
        ("[state]", "[[cautions]]\nshared = 'no-such'\n[state]", "note 'no-such' is not declared."),
        ("[state]", "[internal_arguments]\nargs = 'no-such'\n[state]", "note 'no-such' is not declared."),
        ("[state]", "[[old_forms]]\noptions = { a = 1 }\nnote = { en = 'a', ja = 'あ' }\n[state]", "'options.a' must be"),
        ("[state]", "[[requirements]]\npackage = 'x'\n[state]", "adamw.toml [requirements 1]: the key 'module' is missing."),
        ('id = "AdamW"', 'id = "lion"', "id 'lion' is already taken by adamw.toml."),
        ('aliases = ["torch.optim.AdamW"]', 'aliases = ["LION"]', "name 'lion' is already taken by adamw.toml."),
        ('aliases = ["torch.optim.AdamW"]', 'mistaken_names = ["ADAMW"]', "adamw is its right name."),
        ('id = "AdamW"', "id = ", "adamw.toml: "),
        ("[state]", fast("equals = 'a 1'", name="torch.optim.Adam"), "[fast]: 'optimizer_type' must be a class of optimizers."),
        ("[state]", fast("equals = 'a 1'", name="AdamW"), "[fast]: 'optimizer_type' must be a dotted path to a class."),
        ("[state]", fast("equal = 'a 1'"), "adamw.toml [fast]: unknown key 'equal'. Did you mean 'equals'?"),
        ("[state]", fast("equals = 1"), "adamw.toml [fast]: 'equals' must be a text"),
        ("[state]", fast("equals = 'a 1'\nonly_with = { epz = 1 }"), "'fast.only_with' names an argument 'epz'"),
        ("[state]", fast("equals = 'a 1'\nonly_with = { eps = true }"), "'fast.only_with' True:"),
        ("[state]", fast("equals = 'a 1'\n[[fast.notes]]\nshared = 'no-such'"), "note 'no-such' is not declared."),
        ("[state]", fast("equals = 'a 1'\n[[fast.requirements]]\npackage = 'x'"), "the key 'module' is missing."),
    ],
)
def test_every_mistake_is_told(folder: Path, change: Change, old: str, new: str, complaint: str) -> None:
    change(Path("adamw.toml"), old, new)
    told = complaints(folder)
    assert any(complaint in line for line in told), told


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ('kind = "flaot"\ndefault = 1.0', "kind 'flaot' is not declared. Did you mean 'float'?"),
        ('kind = "choice"\ndefault = "a"', '"choice" needs choices'),
        ('kind = "text"\nchoices = ["a"]\ndefault = "a"', '"text" has none'),
        ('kind = "choice"\nchoices = ["left", "right"]\ndefault = "rihgt"', "Did you mean right?"),
        ('kind = "tuple"\nitem = "text"\ndefault = [1]', '\'item\' must be "int" or "float".'),
        ('kind = "int"\ndefault = 1.5', "'default' 1.5: 1.5 is not a number of the right kind."),
        ('kind = "bool"\ndefault = 1', "'default' 1: 1 is neither True nor False."),
        ('kind = "bool"\nminimum = 0\ndefault = true', "unknown key 'minimum'."),
        ('kind = "float"\ndefault = 1.0\nexamples = [{ value = "a", source = "torch" }]', "'examples' 'a':"),
        ('kind = "float"\ndefault = 1.0\nexamples = [{ value = 2.0 }]', "the key 'source' is missing."),
    ],
)
def test_mistakes_in_arguments_are_told(folder: Path, change: Change, kind: str, complaint: str) -> None:
    change(Path("adamw.toml"), "[arguments.eps]", f"[arguments.x]\nhelp = {{ en = 'a', ja = 'あ' }}\n{kind}\n\n[arguments.eps]")
    told = complaints(folder)
    assert any(complaint in line and "adamw.toml [arguments] [x]" in line for line in told), told


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ('kind = "float"\ndefault = inf', math.inf),
        ('kind = "float"\nnullable = true\ndefault = { none = true }', None),
        ('kind = "tuple"\nitem = "int"\ndefault = []', ()),
        ('kind = "text"\ndefault = "a b"', "a b"),
        ('kind = "choice"\nchoices = ["left", "right"]\ndefault = "right"', "right"),
        ('kind = "int"\ndefault = 0', 0),
        ('kind = "bool"\ndefault = false', False),
        ('kind = "float"\ndefault = 1e-30', 1e-30),
    ],
)
def test_every_sort_of_default_can_be_written(folder: Path, change: Change, kind: str, expected: object) -> None:
    change(Path("adamw.toml"), "[arguments.eps]", f"[arguments.x]\nhelp = {{ en = 'a', ja = 'あ' }}\n{kind}\n\n[arguments.eps]")
    argument = load_catalogue(folder)["AdamW"].argument("x")
    assert argument is not None
    assert argument.default == expected
    assert type(argument.default) is type(expected)


def test_own_keys_win_over_shared_ones(folder: Path, change: Change) -> None:
    change(Path("adamw.toml"), 'like = "eps"', 'like = "eps"\nadvanced = false\nminimum = 1e-9')
    argument = load_catalogue(folder)["AdamW"].argument("eps")
    assert argument is not None
    assert not argument.advanced
    assert argument.kind.name == "float"
    with pytest.raises(Exception, match="at least 1e-09"):
        argument.parse("0")


def test_everything_wrong_is_told_at_once(folder: Path, change: Change) -> None:
    change(Path("adamw.toml"), 'category = "adamw"', 'category = "adam"')
    change(Path("adamw.toml"), "[facts]", "[fakts]")
    change(Path("lion.toml"), 'source = "lion-paper"', 'source = "tiger-paper"')
    (folder / "broken.toml").write_text("id = ", encoding="utf-8")
    (folder / "latin.toml").write_bytes(b"id = '\xe9'")
    told = "\n".join(complaints(folder))
    for expected in ("'adam' is not declared", "unknown key 'fakts'", "'tiger-paper'", "broken.toml: ", "latin.toml: "):
        assert expected in told


def test_two_optimizers_cannot_stand_in_one_place(folder: Path) -> None:
    content = (folder / "lion.toml").read_text(encoding="utf-8")
    content = content.replace('id = "Lion"', 'id = "Tiger"').replace('"Lion"', '"Tiger"').replace("lion_pytorch.Lion", "a.Tiger")
    (folder / "tiger.toml").write_text(content, encoding="utf-8")
    assert complaints(folder) == ["tiger.toml: order '3010' is already taken by lion.toml."]


def test_shared_arguments_cannot_share_a_default(folder: Path, change: Change) -> None:
    change(Path("_arguments.toml"), '[eps]\nkind = "float"', '[eps]\nkind = "float"\ndefault = 1e-8')
    assert "_arguments.toml [eps]: 'default' cannot be shared." in complaints(folder)


def test_a_missing_shared_file_is_told(folder: Path) -> None:
    (folder / "_sources.toml").unlink()
    assert any(line.startswith("_sources.toml: ") for line in complaints(folder))


def test_an_empty_folder_is_told(folder: Path) -> None:
    for path in folder.glob("[!_]*.toml"):
        path.unlink()
    assert complaints(folder) == [f"{folder}: no optimizers here."]


# What was measured

MEASURED = """
[where]
date = "2026-11-01"
command = "python main.py bench optimizers"
device = "cpu"
device_name = "A Processor"
threads = 1
torch = "2.13.0"
set = "sd15"
tensors = 528
parameters = 9437184
[optimizers.Lion.reference]
package = "lion-pytorch"
version = "0.2.5"
state_bytes = 4.0
step_cost = 0.75
[optimizers.Lion.fast]
package = "optimizers"
state_bytes = 4
step_cost = 0.5
"""


def test_without_figures_nothing_is_measured(folder: Path) -> None:
    assert [spec.measured for spec in load_catalogue(folder)] == [None, None]


def test_figures_belong_to_their_optimizer(folder: Path) -> None:
    (folder / "_measured.toml").write_text(MEASURED, encoding="utf-8")
    adamw, lion = load_catalogue(folder)
    assert adamw.measured is None
    assert lion.measured is not None
    assert lion.measured.where.parameters == 9_437_184
    assert lion.measured.reference is not None
    assert (lion.measured.reference.state_bytes, lion.measured.reference.version) == (4.0, "0.2.5")
    assert lion.measured.fast is not None
    assert (lion.measured.fast.step_cost, lion.measured.fast.version) == (0.5, None)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("optimizers.Lion.fast", "optimizers.Lyon.fast", "optimizer 'Lyon' is not declared. Did you mean 'Lion'?"),
        ("optimizers.Lion.fast", "optimizers.Lion.fasst", "[Lion]: unknown key 'fasst'. Did you mean 'fast'?"),
        ("[optimizers.Lion.fast]", "[optimizers.AdamW]", "[AdamW]: neither 'reference' nor 'fast' is there."),
        ("step_cost = 0.75", "step_cost = 0", "'step_cost' must be a number above 0."),
        ("step_cost = 0.75", "", "[reference]: the key 'step_cost' is missing."),
        ("state_bytes = 4.0", "state_bytes = -1", "'state_bytes' must be a number of at least 0."),
        ("state_bytes = 4.0", "state_bytes = '4'", "'state_bytes' must be a number."),
        ('date = "2026-11-01"', "", "[where]: the key 'date' is missing."),
        ("threads = 1", "threads = 1\ncores = 2", "[where]: unknown key 'cores'."),
        ("[where]", "[here]", "_measured.toml: the key 'where' is missing."),
        ("[where]", "[where", "_measured.toml: "),
    ],
)
def test_figures_are_read_strictly(folder: Path, old: str, new: str, complaint: str) -> None:
    assert old in MEASURED
    (folder / "_measured.toml").write_text(MEASURED.replace(old, new, 1), encoding="utf-8")
    assert any(complaint in problem for problem in complaints(folder))
