"""Drop-in optimizers: the numbers of the reference packages at the speed of the hardware.

`--optimizer_type=optimizers.Prodigy` works wherever sd-scripts does. Imports torch and the standard library only.
"""

from optimizers.adafactor import Adafactor
from optimizers.came import CAME
from optimizers.dadapt_adam import DAdaptAdam
from optimizers.emo_fact import EmoFact
from optimizers.emo_lynx import EmoLynx
from optimizers.emo_navi import EmoNavi
from optimizers.prodigy import Prodigy
from optimizers.prodigy_plus_schedulefree import ProdigyPlusScheduleFree

__all__ = ["CAME", "Adafactor", "DAdaptAdam", "EmoFact", "EmoLynx", "EmoNavi", "Prodigy", "ProdigyPlusScheduleFree"]
