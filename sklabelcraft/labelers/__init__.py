"""Labelers: transformers from a log of feedback to one label per impression."""

from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.labelers._duration import D2Q, DVR
from sklabelcraft.labelers._rules import (
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)

__all__ = [
    "BaseLabeler",
    "D2Q",
    "DVR",
    "ExplicitFeedback",
    "PlayCompletion",
    "PlayCompletionRate",
    "WatchTime",
]
