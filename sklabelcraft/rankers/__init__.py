"""Rankers: estimators that fit a label and score impressions."""

from sklabelcraft.rankers._base import BaseRanker
from sklabelcraft.rankers._dcn import DCNRanker
from sklabelcraft.rankers._din import DINRanker
from sklabelcraft.rankers._mlp import MLPRanker
from sklabelcraft.rankers._module import ModuleRanker

__all__ = ["BaseRanker", "DCNRanker", "DINRanker", "MLPRanker", "ModuleRanker"]
