"""Everybody's own network as a ranker."""

from numbers import Integral

from sklearn.utils._param_validation import Interval
from torch import nn

from sklabelcraft.rankers._base import BaseRanker


class ModuleRanker(BaseRanker):
    """Rank by a network of one's own.

    Any ``nn.Module`` will do that maps a :class:`~sklabelcraft.modules.Batch` of n
    impressions to logits of shape (n, n_outputs), each row by itself (so no batch
    normalisation), in operations that torch can derive forwards and backwards. Those of
    its embeddings that are :class:`~sklabelcraft.modules.Embeddings` are stepped in the
    touched rows only, and then must be all that looks codes up; without any, every step
    costs as much as all parameters.

    Parameters
    ----------
    build : callable
        Makes the module: ``build(cardinalities, n_numeric, n_outputs, past_columns)``,
        with the number of codes of each categorical column, the number of numeric
        columns and of labels, and the categorical columns that the past consists of.
    history_length : int, default=0
        Number of the user's past impressions in a batch.
    loss : {"auto", "log_loss", "brier", "squared_error"} or callable, default="auto"
        As in :class:`MLPRanker`.
    optimizer : {"adamw", "sgd"}, default="adamw"
        As in :class:`MLPRanker`.
    learning_rate, weight_decay : float, default=0.001, 0.1
        As in :class:`MLPRanker`.
    batch_size, max_epochs, patience : int, default=512, 20, 5
        As in :class:`MLPRanker`.
    averaging, validation_fraction : float, default=0.5, 0.1
        As in :class:`MLPRanker`.
    adversary_weight : float, default=0.0
        As in :class:`MLPRanker`.
    min_count : int, default=2
        As in :class:`MLPRanker`.
    features : list of str or int, default=None
        As in :class:`MLPRanker`.
    user, item, duration, timestamp : str, int or None
        As in :class:`MLPRanker`.
    device : str or torch.device, default="cpu"
        As in :class:`MLPRanker`.
    precision : {"float32", "bfloat16"}, default="float32"
        As in :class:`MLPRanker`.
    random_state : int, RandomState instance or None, default=None
        Decides the initial weights and the order of the rows.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network.
    features_ : list
        The columns that it sees.
    history_ : list of dict
        Per epoch, the training loss and the held-out one.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, if it was a data frame.

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
    ...         return self.embeddings(batch.codes).sum(1)
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = ModuleRanker(Additive, max_epochs=2, random_state=0)
    >>> ranker.fit(log.data, labels).predict(log.data).shape == labels[:, 0].shape
    True
    """

    _parameter_constraints: dict = {
        **BaseRanker._parameter_constraints,
        "build": [callable],
        "history_length": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        build,
        *,
        history_length=0,
        loss="auto",
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.1,
        batch_size=512,
        max_epochs=20,
        patience=5,
        averaging=0.5,
        validation_fraction=0.1,
        adversary_weight=0.0,
        min_count=2,
        features=None,
        user="user_id",
        item="item_id",
        duration="duration",
        timestamp="timestamp",
        device="cpu",
        precision="float32",
        random_state=None,
    ):
        super().__init__(
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            averaging=averaging,
            validation_fraction=validation_fraction,
            adversary_weight=adversary_weight,
            min_count=min_count,
            features=features,
            user=user,
            item=item,
            duration=duration,
            timestamp=timestamp,
            device=device,
            precision=precision,
            random_state=random_state,
        )
        self.build = build
        self.history_length = history_length

    def _build(self, n_outputs):
        module = self.build(
            self.encoder_.cardinalities,
            self.encoder_.n_numeric,
            n_outputs,
            self.encoder_.past_columns,
        )
        if not isinstance(module, nn.Module):
            raise ValueError(f"build must return a torch.nn.Module, got {module!r}.")
        return module
