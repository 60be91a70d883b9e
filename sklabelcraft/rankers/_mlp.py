"""The default ranker."""

from sklabelcraft.modules import MLP
from sklabelcraft.rankers._base import BaseRanker


class MLPRanker(BaseRanker):
    """Rank by embeddings, their pairwise interactions and a dense network.

    Parameters
    ----------
    embedding_dim : int, default=16
        Width of the embedding of each categorical column.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers.
    loss : {"auto", "log_loss", "brier", "squared_error"} or callable, default="auto"
        "log_loss" (cross entropy) and "brier" (squared error) fit the sigmoid of the
        logit to labels in [0, 1], "squared_error" the logit itself to any label.
        "auto" is "log_loss" where all labels lie in [0, 1], else "squared_error". A
        callable maps logits and labels (tensors) to the loss of each element.
    optimizer : {"adamw", "sgd"}, default="adamw"
        "sgd" is plain gradient descent, as in Algorithm 1 of LabelCraft. Either steps
        only those rows of the embeddings that a batch touches, with the result of
        stepping all.
    learning_rate : float, default=0.001
        Of the optimiser.
    weight_decay : float, default=0.1
        Each step takes the share ``learning_rate * weight_decay`` of every weight away;
        with "sgd" that is twice the factor lambda of Algorithm 1.
    batch_size : int, default=512
        Impressions per step.
    max_epochs : int, default=20
        Passes over the training rows at most.
    patience : int, default=5
        Epochs without progress on the held-out rows after which training stops. The
        weights of the best epoch are kept.
    averaging : float, default=0.5
        Share of the exponential average of the weights that each epoch keeps. The
        average is what the held-out rows judge and what scores; 0 for the weights as
        they are.
    validation_fraction : float, default=0.1
        Share of each user's rows, the latest, held out when no validation data is given
        to ``fit``. Where nothing is held out, all epochs are run.
    adversary_weight : float, default=0.0
        If positive, the duration is no feature, and the network is trained against an
        adversary that reads the duration out of its scores, with this weight on the
        reversed gradient; DVR [1]_ uses 0.1.
    min_count : int, default=2
        Values of a categorical column seen less often share the embedding that also
        serves values never seen.
    features : list of str or int, default=None
        Columns that the network sees; None for all but the timestamp. Columns of
        floating-point numbers are numeric, all others categorical.
    user, item : str, int or None, default="user_id", "item_id"
        Columns of the user and the item, categorical whatever their type.
    duration : str, int or None, default="duration"
        Column of the duration in seconds, seen as a number and in buckets.
    timestamp : str, int or None, default="timestamp"
        Column that orders a user's rows; the order of the rows where it is missing.
    device : str or torch.device, default="cpu"
        Where the network is trained and scores, such as "cuda". What is drawn is the
        same on all; sums on a GPU may differ in their last digits from run to run.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products in training. bfloat16 pays with wide layers and batches
        of thousands, where the processor has it. Scores are computed in float32.
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
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing Watch-Time-Gain
       under Duration Bias", MM 2022.

    Examples
    --------
    >>> from sklabelcraft import MLPRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> labels = WatchTime().fit_transform(log.frame)
    >>> ranker = MLPRanker(max_epochs=2, random_state=0).fit(log.data, labels)
    >>> ranker.predict(log.data).shape == labels[:, 0].shape
    True
    """

    def _build(self, n_outputs):
        return MLP(**self._shape(n_outputs))
