"""Rankers: estimators that train a network on labels and score impressions."""

from sklabelcraft.rankers._base import BaseRanker
from sklabelcraft.rankers._networks import (
    DCNRanker,
    DINRanker,
    MLPRanker,
    ModuleRanker,
)

__all__ = [
    "BaseRanker",
    "DCNRanker",
    "DINRanker",
    "MLPRanker",
    "ModuleRanker",
]
