"""The differentiable top-k: which entries of a list would be shown, softly."""

from sklabelcraft.topk._soft_topk import soft_topk

__all__ = ["soft_topk"]
