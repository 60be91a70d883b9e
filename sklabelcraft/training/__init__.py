"""Training: one loop, and a step for rankers and for labels; no frame, no estimator."""

from sklabelcraft.training._agreement import (
    check_agreed,
    fingerprint,
    without_addresses,
)
from sklabelcraft.training._bilevel import BilevelStep, BilevelTask
from sklabelcraft.training._checkpoint import Checkpoint
from sklabelcraft.training._distributed import processes
from sklabelcraft.training._hypergradient import label_gradient
from sklabelcraft.training._loop import Average, Loop, Task
from sklabelcraft.training._optimizers import OPTIMIZERS, RowOptimizer
from sklabelcraft.training._platform import Platform
from sklabelcraft.training._ranker import RankerSteps, RankerTask, drawing_in_training
from sklabelcraft.training._rows import RowFinder, exact_logits
from sklabelcraft.training._source import InMemory, Window

__all__ = [
    "OPTIMIZERS",
    "Average",
    "BilevelStep",
    "BilevelTask",
    "Checkpoint",
    "InMemory",
    "Loop",
    "Platform",
    "RankerSteps",
    "RankerTask",
    "RowFinder",
    "RowOptimizer",
    "Task",
    "Window",
    "check_agreed",
    "drawing_in_training",
    "exact_logits",
    "fingerprint",
    "label_gradient",
    "processes",
    "without_addresses",
]
