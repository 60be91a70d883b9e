"""Turn raw engagement feedback into labels that recommenders can be trained on."""

from sklabelcraft.columns import Columns
from sklabelcraft.comparison import compare_labelers
from sklabelcraft.fused import FusedRecommender
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.labelers import (
    CWM,
    D2Q,
    DVR,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.metrics import ds_score, neg_score, nwtg_score
from sklabelcraft.modules import DCN, DIN, MLP
from sklabelcraft.plotting import (
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    ObjectiveTradeoffDisplay,
    TrainingHistoryDisplay,
)
from sklabelcraft.preprocessing import KneeScaler
from sklabelcraft.rankers import DCNRanker, DINRanker, MLPRanker, ModuleRanker
from sklabelcraft.recommender import LabelCraftRecommender
from sklabelcraft.retrieval_metrics import (
    gauc_score,
    top_k_coverage_score,
    top_k_recall_score,
)
from sklabelcraft.scaling import scale
from sklabelcraft.scorers import (
    auc_scorer,
    ds_scorer,
    gauc_scorer,
    neg_scorer,
    nwtg_scorer,
    top_k_coverage_scorer,
    top_k_recall_scorer,
)
from sklabelcraft.splitting import split_by_time
from sklabelcraft.topk import soft_topk

__version__ = "0.2.0"

__all__ = [
    "CWM",
    "Columns",
    "ConditionalCDF",
    "D2Co",
    "D2Q",
    "DCN",
    "DIN",
    "DVR",
    "DCNRanker",
    "DINRanker",
    "DurationBiasDisplay",
    "ExplicitFeedback",
    "FusedRecommender",
    "KneeScaler",
    "LabelCraftRecommender",
    "LabelCrafter",
    "LabelSurfaceDisplay",
    "MLP",
    "MLPRanker",
    "ModuleRanker",
    "ObjectiveTradeoffDisplay",
    "PlayCompletion",
    "PlayCompletionRate",
    "TrainingHistoryDisplay",
    "WatchTime",
    "auc_scorer",
    "compare_labelers",
    "ds_score",
    "ds_scorer",
    "gauc_score",
    "gauc_scorer",
    "neg_score",
    "neg_scorer",
    "nwtg_score",
    "nwtg_scorer",
    "scale",
    "soft_topk",
    "split_by_time",
    "top_k_coverage_score",
    "top_k_coverage_scorer",
    "top_k_recall_score",
    "top_k_recall_scorer",
]
