"""Drop-in optimizers: the numbers of the reference packages at the speed of the hardware.

`--optimizer_type=optimizers.Prodigy` works wherever sd-scripts does. Imports torch and the standard library only.
"""

from optimizers.adafactor import Adafactor
from optimizers.came import CAME
from optimizers.prodigy import Prodigy

__all__ = ["CAME", "Adafactor", "Prodigy"]
