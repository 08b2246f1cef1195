"""Drop-in optimizers: the numbers of the reference packages at the speed of the hardware.

`--optimizer_type=optimizers.Prodigy` works wherever sd-scripts does. Imports torch and the standard library only; the
8-bit ones import bitsandbytes, whose kernels they run, when they are asked for.

| class | equals | |
| --- | --- | --- |
| Prodigy | prodigyopt 1.1.2 | written |
| DAdaptAdam, -AdamPreprint, -Adan, -AdanIP, -SGD, -AdaGrad, -Lion | dadaptation 3.2 | written |
| ProdigyPlusScheduleFree | prodigy-plus-schedule-free 2.0.1 | written |
| CAME | came-pytorch 0.1.3 | written |
| Adafactor | transformers 5.23.0 | written |
| EmoNavi, EmoFact, EmoLynx | pytorch-optimizer 4.1.0 | written |
| emo_author.EmoNavi, -.EmoFact, -.EmoLynx | the author's files, 3.6.1 | written |
| AdamW8bit, Lion8bit | bitsandbytes 0.50.2 | its kernels, over many parameters at once |

Not here, since they are at the limit as they are: torch's AdamW and SGD (`fused=True`), Lion of pytorch_optimizer or
lion_pytorch (foreach), AdamW, RAdam and SGD of schedulefree. docs/decisions/0006-optimizers.md has the figures and the
reasons, 0005-reference-faults.md what the references do wrong. `registry.PAIRS` is this table for programs.
"""

from typing import TYPE_CHECKING, Any

from optimizers.adafactor import Adafactor
from optimizers.came import CAME
from optimizers.dadapt_adagrad import DAdaptAdaGrad
from optimizers.dadapt_adam import DAdaptAdam
from optimizers.dadapt_adam_preprint import DAdaptAdamPreprint
from optimizers.dadapt_adan import DAdaptAdan
from optimizers.dadapt_adan_ip import DAdaptAdanIP
from optimizers.dadapt_lion import DAdaptLion
from optimizers.dadapt_sgd import DAdaptSGD
from optimizers.emo_fact import EmoFact
from optimizers.emo_lynx import EmoLynx
from optimizers.emo_navi import EmoNavi
from optimizers.prodigy import Prodigy
from optimizers.prodigy_plus_schedulefree import ProdigyPlusScheduleFree

if TYPE_CHECKING:
    from optimizers.eight_bit import AdamW8bit as AdamW8bit
    from optimizers.eight_bit import Lion8bit as Lion8bit

__all__ = [
    "CAME",
    "Adafactor",
    "DAdaptAdaGrad",
    "DAdaptAdam",
    "DAdaptAdamPreprint",
    "DAdaptAdan",
    "DAdaptAdanIP",
    "DAdaptLion",
    "DAdaptSGD",
    "EmoFact",
    "EmoLynx",
    "EmoNavi",
    "Prodigy",
    "ProdigyPlusScheduleFree",
]


def __getattr__(name: str) -> Any:
    """The classes that need a package beside torch: imported when somebody asks for one."""
    if name not in {"AdamW8bit", "Lion8bit"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from optimizers import eight_bit

    return getattr(eight_bit, name)
