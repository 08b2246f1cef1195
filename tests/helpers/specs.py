"""Optimizer entries made by hand, for tests that must not depend on what the catalogue says today."""

from __future__ import annotations

from dataclasses import replace

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import NumberKind, TupleKind
from core.catalogue.spec import (
    ArgumentSpec,
    Category,
    Fact,
    Knowledge,
    LearningRate,
    Logging,
    LrMethod,
    Note,
    OptimizerSpec,
    Requirement,
    Schedulers,
    Source,
)
from core.text import Text, same

SOURCE = Source(key="reference-text", title=Text("Reference text", "参考資料"), link="https://example.org/reference")
PAPER = Source(key="paper", title=same("A paper"), link=None)

UNKNOWN = Fact(knowledge=Knowledge.UNKNOWN)
NOT_NEEDED = Fact(knowledge=Knowledge.NOT_NEEDED)

ADAMW = Category(id="adamw", name=same("AdamW"), order=1)
PRODIGY = Category(id="prodigy", name=Text("Prodigy family", "Prodigy系"), order=2)
EMPTY = Category(id="empty", name=same("Nothing in it"), order=3)


def known(en: str, ja: str | None = None, *links: str) -> Fact:
    """A fact that is known."""
    return Fact(knowledge=Knowledge.KNOWN, text=Text(en, ja or en), links=links)


def make_spec(optimizer_id: str = "AdamW", **changes: object) -> OptimizerSpec:
    """A complete entry; `changes` replaces attributes."""
    spec = OptimizerSpec(
        id=optimizer_id,
        name=optimizer_id,
        category=ADAMW,
        order=10,
        optimizer_type=optimizer_id,
        class_path=f"torch.optim.{optimizer_id}",
        summary=Text(f"What {optimizer_id} is.", f"{optimizer_id} の説明です。"),
        pick_when=Text(f"When to pick {optimizer_id}.", f"{optimizer_id} を選ぶ場面です。"),
        homepage=known(f"torch.optim.{optimizer_id}", None, "https://example.org/home"),
        background=UNKNOWN,
        low_precision=UNKNOWN,
        since=known("from the first releases", "リリース初期"),
        requirements=(),
        other_options=NOT_NEEDED,
        lr_method=LrMethod.MANUAL,
        learning_rate=LearningRate(start=1e-4, reason=Text("A first value.", "最初の値です。"), source=SOURCE),
        schedulers=Schedulers(ignored=False, fits=("cosine", "constant"), note=Text("All work.", "すべて使えます。")),
        arguments=(
            ArgumentSpec(
                name="betas",
                kind=TupleKind(item=NumberKind(minimum=0, maximum=1, below_maximum=True), length=2),
                default=(0.9, 0.999),
                help=Text("Averages.", "移動平均です。"),
            ),
        ),
        logging=Logging(tags=(), note=None, d_key=None, effective_lr="lr"),
        state_bytes=8.0,
        state_note=Text("Measured.", "測定値です。"),
        cautions=(Note(text=Text("Mind the step.", "足元に注意。"), source=SOURCE),),
        tips=(Note(text=Text("Start slowly.", "ゆっくり始めます。"), source=PAPER),),
    )
    return replace(spec, **changes)  # pyright: ignore[reportArgumentType]


def make_catalogue() -> Catalogue:
    """Four entries in two of three categories, different in every column that filters look at."""
    prodigyopt = Requirement(package="prodigyopt", module="prodigyopt", minimum="1.0")
    bitsandbytes = Requirement(package="bitsandbytes", module="bitsandbytes", minimum="0.39.1", advised="0.45.0")
    return Catalogue(
        [
            make_spec("AdamW", aliases=("torch.optim.AdamW",), wanted_arguments=NOT_NEEDED, other_options=UNKNOWN),
            make_spec("AdamW8bit", order=20, requirements=(bitsandbytes,), state_bytes=2.03, needs_cuda=False),
            make_spec(
                "Prodigy",
                order=110,
                category=PRODIGY,
                optimizer_type="prodigy",
                requirements=(prodigyopt,),
                lr_method=LrMethod.SEMI_AUTOMATIC,
                learning_rate=LearningRate(start=1.0, reason=Text("A factor of d.", "d に掛かる倍率です。"), source=PAPER),
                background=known("D-Adaptation", "D-Adaptation", "https://example.org/paper"),
                low_precision=NOT_NEEDED,
                state_bytes=16.0,
            ),
            make_spec(
                "ProdigyPlus",
                order=120,
                category=PRODIGY,
                optimizer_type="prodigyplus.ProdigyPlusScheduleFree",
                aliases=("ProdigyPlusScheduleFree",),
                lr_method=LrMethod.AUTOMATIC,
                schedulers=Schedulers(ignored=True, fits=(), note=Text("Ignored.", "無視されます。")),
                state_bytes=None,
            ),
        ],
        [ADAMW, PRODIGY, EMPTY],
    )
