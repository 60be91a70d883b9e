"""A ranker for each kind of network."""

from sklabelcraft._docs import shared
from sklabelcraft.modules import DCN, DIN, MLP
from sklabelcraft.rankers._base import BaseRanker


@shared
class MLPRanker(BaseRanker):
    """Rank by embeddings, their pairwise interactions and a dense network.

    Parameters
    ----------
    network : MLP, default=None
        The sizes of the network; None for ``MLP()``.
    {training}

    Attributes
    ----------
    {trained}

    References
    ----------
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing Watch-Time-Gain
       under Duration Bias", MM 2022 (the adversary).

    Examples
    --------
    >>> from sklabelcraft import MLP, MLPRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = MLPRanker(MLP(hidden=(16,)), max_epochs=2, random_state=0)
    >>> ranker.fit(log.data, labels).predict(log.data).shape == labels[:, 0].shape
    True
    """

    _parameter_constraints: dict = BaseRanker._parameter_constraints | {
        "network": [MLP, None]
    }

    def _default_parts(self):
        return {"network": MLP}


@shared
class DCNRanker(BaseRanker):
    """Rank by a deep and cross network (DCN-V2): crosses of the features, and layers.

    Parameters
    ----------
    network : DCN, default=None
        The sizes of the network; None for ``DCN()``.
    {training}

    Attributes
    ----------
    {trained}

    Examples
    --------
    >>> from sklabelcraft import DCN, DCNRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = DCNRanker(DCN(n_cross_layers=1), max_epochs=2, random_state=0)
    >>> ranker.fit(log.data, labels).predict(log.data).shape == labels[:, 0].shape
    True
    """

    _parameter_constraints: dict = BaseRanker._parameter_constraints | {
        "network": [DCN, None]
    }

    def _default_parts(self):
        return {"network": DCN}


@shared
class DINRanker(BaseRanker):
    """Rank by a deep interest network: attention over the user's past impressions.

    Histories are built from the rows given to ``fit``, those for validation included:
    an impression sees the user's strictly earlier ones, at prediction as in training.
    Without timestamps, the rows are taken to be in order, and those to predict to come
    after them.

    Parameters
    ----------
    network : DIN, default=None
        The sizes of the network and the length of the past; None for ``DIN()``.
    {training}

    Attributes
    ----------
    {trained}

    Examples
    --------
    >>> from sklabelcraft import DIN, DINRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = DINRanker(DIN(history_length=10), max_epochs=2, random_state=0)
    >>> ranker.fit(log.data, labels).predict(log.data).shape == labels[:, 0].shape
    True
    """

    _parameter_constraints: dict = BaseRanker._parameter_constraints | {
        "network": [DIN, None]
    }

    def _default_parts(self):
        return {"network": DIN}


@shared
class ModuleRanker(BaseRanker):
    """Rank by a network of one's own.

    Any ``nn.Module`` will do that maps a :class:`~sklabelcraft.modules.Batch` of n
    impressions to logits of shape (n, n_outputs), or (n,) for one output, each row by
    itself (so no batch normalisation). A ``LabelCrafter`` learns a label through all
    operations that torch can derive forwards, or twice backwards. Those of its
    embeddings that are :class:`~sklabelcraft.modules.Embeddings` are stepped in the
    touched rows only, and then must be all that looks codes up; without any, every step
    costs as much as all parameters. ``embeddings.of(batch)`` embeds all columns, those
    of lists too, which ``batch.codes`` does not have.

    Parameters
    ----------
    network : callable, default=None
        Makes the module, and must be given: ``network(cardinalities, n_numeric,
        n_outputs, past_columns)``, with the number of codes of each categorical column,
        those of lists last, the number of numeric columns and of labels, and the
        categorical columns that the past consists of; a class of modules, or a
        :class:`~sklabelcraft.modules.Network`. If it has an attribute
        ``history_length``, that many of the user's past impressions are in a batch.
    {training}

    Attributes
    ----------
    {trained}

    Examples
    --------
    >>> from torch import nn
    >>> from sklabelcraft import ModuleRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> from sklabelcraft.modules import Embeddings
    >>> class Additive(nn.Module):
    ...     def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
    ...         super().__init__()
    ...         self.embeddings = Embeddings(cardinalities, n_outputs)
    ...
    ...     def forward(self, batch):
    ...         return self.embeddings.of(batch).sum(1)
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = ModuleRanker(Additive, max_epochs=2, random_state=0)
    >>> ranker.fit(log.data, labels).predict(log.data).shape == labels[:, 0].shape
    True
    """
