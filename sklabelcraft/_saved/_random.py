"""The kind of a random state."""

import numpy as np

from sklabelcraft._saved._arrays import Array
from sklabelcraft._saved._plain import Plain, Whole
from sklabelcraft._saved._records import Fields
from sklabelcraft._saved._refusing import refused

NAME = "MT19937"


class RandomStates(Fields):
    """A ``RandomState`` of the generator that numpy takes by default."""

    made = np.random.RandomState

    def __init__(self):
        super().__init__(
            key=Array("uint32", 624),
            pos=Whole(0, 624),
            has_gauss=Whole(0, 1),
            gauss=Plain(wanted="a float", check=lambda value: type(value) is float),
        )

    def write(self, value, save, path):
        if value.get_state(legacy=False)["bit_generator"] != NAME:
            raise refused(value, path)
        return super().write(value, save, path)

    def state(self, value):
        state = value.get_state(legacy=False)
        return state["state"] | {name: state[name] for name in ("has_gauss", "gauss")}

    def make(self, values):
        made = np.random.RandomState(0)
        state = {name: values[name] for name in ("key", "pos")}
        made.set_state({"bit_generator": NAME, "state": state} | values)
        return made
