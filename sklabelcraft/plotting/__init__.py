"""Pictures of labels, lists, training and trade-offs; they need matplotlib."""

from sklabelcraft.plotting._duration_bias import DurationBiasDisplay
from sklabelcraft.plotting._label_surface import LabelSurfaceDisplay
from sklabelcraft.plotting._objective_tradeoff import ObjectiveTradeoffDisplay
from sklabelcraft.plotting._training_history import TrainingHistoryDisplay

__all__ = [
    "DurationBiasDisplay",
    "LabelSurfaceDisplay",
    "ObjectiveTradeoffDisplay",
    "TrainingHistoryDisplay",
]
