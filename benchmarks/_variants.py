"""LabelCraft with one part taken out or put in another's place."""

from sklabelcraft import LabelCrafter
from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)

UNSCALED = (
    Objective("watch_time", "gain"),
    explicit_objective,
    Objective("duration", "spread"),
)
MEANS = (
    Objective("watch_time", "mean", "scale"),
    Objective("explicit", "mean", "indicator"),
    duration_objective,
)
FEWER_HATES = (
    watch_time_objective,
    explicit_objective,
    duration_objective,
    Objective("hate", transform="indicator", sign=-1),
)
OF_THE_PAPER = {
    "w/o B": {"balancing": SoftmaxBalancing(0.0)},
    "w/o S": {"objectives": UNSCALED},
    "w/o WI": {"inputs": ("duration", "explicit")},
    "w/o DI": {"inputs": ("watch_time", "explicit")},
    "w/o EI": {"inputs": ("watch_time", "duration")},
    "w/o WO": {"objective_weights": (0, 1, 1)},
    "w/o DO": {"objective_weights": (1, 1, 0)},
    "w/o EO": {"objective_weights": (1, 0, 1)},
}
OURS = {
    "from D2Q only": {"starts": [(0, 1, 0)]},
    "from D2Q + EF/2 only": {"starts": [(0, 1, 0.5)]},
    "from WT + 3 EF only": {"starts": [(1, 0, 3)]},
    "from D2Q + 3 EF only": {"starts": [(0, 1, 3)]},
    "from 1/2 everywhere": {"starts": [(0, 0, 0)]},
    "without a bound": {"bound": None},
    "without average": {"averaging": 0.0},
    "without warm-up": {"warmup_epochs": 0},
    "objectives as means": {"objectives": MEANS},
    "temperature 0.05": {"temperature": 0.05},
    "label rate 1e-2": {"learning_rate": 1e-2},
    "label fixed": {"learning_rate": 1e-12},
}
FOURTH = {"4th objective: fewer hates": {"objectives": FEWER_HATES}}
BALANCING = {
    "softmax, tau 4": {"balancing": SoftmaxBalancing(4.0)},
    "MGDA": {"balancing": MinNormBalancing()},
    "PCGrad": {"balancing": ConflictFreeBalancing()},
}


def variants(changes):
    """The default crafter, and one for each change of it."""
    changed = {name: LabelCrafter(**change) for name, change in changes.items()}
    return {"LabelCraft": LabelCrafter()} | changed
