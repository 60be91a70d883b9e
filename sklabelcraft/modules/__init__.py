"""The networks: rankers f(features) and the learned label g(feedback).

A ranker's module is a plain ``nn.Module`` that maps a :class:`Batch` to logits of shape
(n, n_outputs), row by row: no row may depend on the others. What makes it, such as
:class:`MLP`, says its sizes.
"""

from sklabelcraft._bags import Bags
from sklabelcraft._batches import Batch
from sklabelcraft.modules._adversary import DurationReader
from sklabelcraft.modules._dcn import DCN, DCNModule
from sklabelcraft.modules._din import DIN, DINModule
from sklabelcraft.modules._embeddings import Embeddings, dense, interactions
from sklabelcraft.modules._label import Feedback, LearnedLabel, Signals, StartingRule
from sklabelcraft.modules._mlp import MLP, MLPModule
from sklabelcraft.modules._network import Network

__all__ = [
    "Bags",
    "Batch",
    "DCN",
    "DCNModule",
    "DIN",
    "DINModule",
    "DurationReader",
    "Embeddings",
    "Feedback",
    "LearnedLabel",
    "MLP",
    "MLPModule",
    "Network",
    "Signals",
    "StartingRule",
    "dense",
    "interactions",
]
