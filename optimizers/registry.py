"""Which class of this package stands for which class of which package: tests, the benchmark and the catalogue read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def _none() -> Mapping[str, object]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One of our optimizers and its reference.

    Attributes:
        name: the class's name.
        reference: dotted path of the class it equals.
        package, version: of the reference, as on the package index.
        arguments: what the benchmark passes to both.
    """

    name: str
    reference: str
    package: str
    version: str
    arguments: Mapping[str, object] = field(default_factory=_none)

    @property
    def ours(self) -> str:
        """Dotted path of our class, as `--optimizer_type` takes it."""
        return f"optimizers.{self.name}"


PAIRS: tuple[Pair, ...] = (
    Pair(name="Prodigy", reference="prodigyopt.Prodigy", package="prodigyopt", version="1.1.2"),
    Pair(name="DAdaptAdam", reference="dadaptation.DAdaptAdam", package="dadaptation", version="3.2"),
    Pair(
        name="DAdaptAdamPreprint", reference="dadaptation.experimental.DAdaptAdamPreprint", package="dadaptation", version="3.2"
    ),
    Pair(name="DAdaptAdan", reference="dadaptation.DAdaptAdan", package="dadaptation", version="3.2"),
    Pair(name="DAdaptAdanIP", reference="dadaptation.experimental.DAdaptAdanIP", package="dadaptation", version="3.2"),
    Pair(name="DAdaptSGD", reference="dadaptation.DAdaptSGD", package="dadaptation", version="3.2"),
    Pair(name="DAdaptAdaGrad", reference="dadaptation.DAdaptAdaGrad", package="dadaptation", version="3.2"),
    Pair(name="DAdaptLion", reference="dadaptation.DAdaptLion", package="dadaptation", version="3.2"),
    Pair(name="CAME", reference="came_pytorch.CAME", package="came-pytorch", version="0.1.3", arguments={"lr": 1e-4}),
    Pair(name="Adafactor", reference="transformers.optimization.Adafactor", package="transformers", version="5.23.0"),
    Pair(
        name="ProdigyPlusScheduleFree",
        reference="prodigyplus.ProdigyPlusScheduleFree",
        package="prodigy-plus-schedule-free",
        version="2.0.1",
    ),
    Pair(name="EmoNavi", reference="pytorch_optimizer.EmoNavi", package="pytorch-optimizer", version="4.1.0"),
    Pair(name="EmoFact", reference="pytorch_optimizer.EmoFact", package="pytorch-optimizer", version="4.1.0"),
    Pair(name="EmoLynx", reference="pytorch_optimizer.EmoLynx", package="pytorch-optimizer", version="4.1.0"),
    Pair(name="emo_author.EmoNavi", reference="emonavi.EmoNavi", package="muooon/EmoNavi", version="3.6.1"),
    Pair(name="emo_author.EmoFact", reference="emofact.EmoFact", package="muooon/EmoNavi", version="3.6.1"),
    Pair(name="emo_author.EmoLynx", reference="emolynx.EmoLynx", package="muooon/EmoNavi", version="3.6.1"),
    Pair(name="AdamW8bit", reference="bitsandbytes.optim.AdamW8bit", package="bitsandbytes", version="0.50.2"),
    Pair(name="Lion8bit", reference="bitsandbytes.optim.Lion8bit", package="bitsandbytes", version="0.50.2"),
)
