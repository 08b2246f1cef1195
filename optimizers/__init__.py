"""Drop-in optimizers: the numbers of the reference packages at the speed of the hardware.

`--optimizer_type=optimizers.Prodigy` works wherever sd-scripts does. Imports torch and the standard library only.
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
