"""What a fusion weighs: the scores of recommenders, and how far a duration is out."""

import numpy as np

from sklabelcraft._quantiles import Ranks

DURATION = "duration"  # the name of its head
LARGEST = 1e100  # score of a recommender, so that its square is finite
ROUNDING = 1e-12  # share of its mean that a constant head may vary by


class Heads:
    """The heads of several recommenders on one scale, perhaps beside the duration.

    Parameters
    ----------
    recommenders : dict of str to estimator
        Fitted recommenders by name.
    log : Log
        The impressions that they were fitted to.
    duration : str, int or None
        The column of the duration, which becomes the last head: (2 rank - 1)^2, with
        its rank from 0 to 1 among those of the log. None for no such head.

    Attributes
    ----------
    names : list of str
        The name of each head: that of its recommender, numbered if it has several.
    mean, scale : ndarray of shape (n_heads,)
        Mean and standard deviation over the log; infinite for a constant head.
    """

    def __init__(self, recommenders, log, duration=None):
        self.recommenders, self.duration = recommenders, duration
        if duration is not None:
            self.ranks = Ranks.learn(log.numeric(duration, minimum=0))
        heads = self._raw(log)
        self.names = [
            name if part.shape[1] == 1 else f"{name} {i}"
            for name, part in heads.items()
            for i in range(part.shape[1])
        ]
        if len(set(self.names)) < len(self.names):
            raise ValueError(
                "the names of recommenders must tell their heads apart, got "
                f"{self.names}."
            )
        heads = np.hstack(list(heads.values()))
        self.mean, scale = heads.mean(axis=0), heads.std(axis=0)
        constant = scale <= ROUNDING * np.abs(self.mean)
        self.scale = np.where(constant, np.inf, scale)

    def __call__(self, log):
        """The heads of some impressions, float64 ndarray of shape (n, n_heads)."""
        return (np.hstack(list(self._raw(log).values())) - self.mean) / self.scale

    def fused(self, log, weights):
        """The weighted sum of the heads, float64 ndarray of shape (n,)."""
        scores = np.zeros(len(log))
        # head by head, so that the bits of a row do not depend on the other rows
        for head, weight in zip(self(log).T, weights, strict=True):
            scores += weight * head
        return scores

    def _raw(self, log):
        """The heads by name, each an ndarray of shape (n, n_heads)."""
        parts = self.recommenders.items()
        heads = {name: heads_of(name, part, log) for name, part in parts}
        if self.duration is not None:
            rank = self.ranks(log.numeric(self.duration, minimum=0))
            heads[DURATION] = (2 * rank[:, None] - 1) ** 2
        return heads


def heads_of(name, recommender, log):
    """Scores of each head of a recommender, float64 ndarray of shape (n, n_heads)."""
    if hasattr(recommender, "head_scores"):
        scores = recommender.head_scores(log.native)
    else:
        scores = recommender.predict(log.native)
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim not in (1, 2) or len(scores) != len(log):
        raise ValueError(
            f"the recommender {name!r} must give one score per row, or one per row and "
            f"head, for {len(log)} rows; got shape {scores.shape}."
        )
    scores = scores.reshape(len(scores), -1)
    wrong = ~(np.abs(scores) < LARGEST).all(axis=1)
    if wrong.any():
        first = wrong.argmax()
        raise ValueError(
            f"the recommender {name!r} must score finite numbers; {wrong.sum()} of "
            f"{len(scores)} rows are not, the first is row {log.row_name(first)}: "
            f"{scores[first]}."
        )
    return scores
