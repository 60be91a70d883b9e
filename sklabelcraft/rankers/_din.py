"""The ranker that looks at the user's past."""

from numbers import Integral

from sklearn.utils._param_validation import Interval

from sklabelcraft._validation import check_widths
from sklabelcraft.modules import DIN
from sklabelcraft.rankers._base import BaseRanker


class DINRanker(BaseRanker):
    """Rank by a deep interest network: attention over the user's past impressions.

    Histories are built from the rows given to ``fit``, those for validation included:
    an impression sees the user's strictly earlier ones, at prediction as in training.
    Without timestamps, the rows are taken to be in order, and those to predict to come
    after them.

    Parameters
    ----------
    history_length : int, default=50
        Number of past impressions that the network sees.
    attention_hidden : sequence of int, default=()
        Widths of hidden layers in the attention; without any it is linear, as in
        LabelCraft's published code, and much faster.
    embedding_dim : int, default=16
        Width of the embedding of each categorical column.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers.
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

    References
    ----------
    .. [1] Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018.

    Examples
    --------
    >>> from sklabelcraft import DINRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = DINRanker(max_epochs=2, random_state=0).fit(log.data, labels)
    >>> ranker.predict(log.data).shape == labels[:, 0].shape
    True
    """

    _parameter_constraints: dict = {
        **BaseRanker._parameter_constraints,
        "history_length": [Interval(Integral, 1, None, closed="left")],
        "attention_hidden": ["array-like"],
    }

    def __init__(
        self,
        *,
        history_length=50,
        attention_hidden=(),
        embedding_dim=16,
        hidden=(64, 32),
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
            embedding_dim=embedding_dim,
            hidden=hidden,
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
        self.history_length = history_length
        self.attention_hidden = attention_hidden

    def _build(self, n_outputs):
        past_columns = self.encoder_.past_columns
        return DIN(
            **self._shape(n_outputs),
            past_columns=past_columns,
            attention_hidden=check_widths(self.attention_hidden),
        )
