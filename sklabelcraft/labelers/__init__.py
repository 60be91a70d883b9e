"""Labelers: transformers from a log of feedback to one label per impression."""

from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.labelers._conditional import D2Q, ConditionalCDF
from sklabelcraft.labelers._cwm import CWM
from sklabelcraft.labelers._d2co import D2Co
from sklabelcraft.labelers._duration import DVR
from sklabelcraft.labelers._rules import (
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)

__all__ = [
    "BaseLabeler",
    "CWM",
    "ConditionalCDF",
    "D2Co",
    "D2Q",
    "DVR",
    "ExplicitFeedback",
    "PlayCompletion",
    "PlayCompletionRate",
    "WatchTime",
]
