"""The protocol of the networks that rankers train."""

from abc import ABC, abstractmethod
from numbers import Integral

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import nn

from sklabelcraft._docs import shared
from sklabelcraft.modules._embeddings import WIDEST, check_widths

WIDTHS = {
    "embedding_dim": [Interval(Integral, 1, WIDEST, closed="both")],
    "hidden": ["array-like"],
}


class Network(BaseEstimator, ABC):
    """Says what a network is, apart from how it is trained.

    A ranker calls it to make the ``nn.Module``, with the sizes that it learned from the
    data. Any callable with these parameters will do in its place, such as a class of
    modules; what is subclassed from here can be searched over, as
    ``ranker__network__hidden``.

    Attributes
    ----------
    history_length : int
        Number of the user's past impressions that the network sees; 0 where a callable
        has no such attribute.
    """

    history_length = 0
    _parameter_constraints: dict = WIDTHS

    @shared
    def __call__(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        past_columns: tuple[int, ...],
    ) -> nn.Module:
        """Make the module.

        Parameters
        ----------
        {sizes}

        Returns
        -------
        nn.Module
            Maps a :class:`Batch` of n impressions to logits of shape (n, n_outputs),
            each row by itself.
        """
        self._validate_params()
        for widths in ("hidden", "attention_hidden"):
            check_widths(getattr(self, widths, ()))
        return self.build(cardinalities, n_numeric, n_outputs, past_columns)

    @abstractmethod
    @shared
    def build(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        past_columns: tuple[int, ...],
    ) -> nn.Module:
        """Make the module.

        Parameters
        ----------
        {sizes}

        Returns
        -------
        nn.Module
            Maps a batch of n impressions to logits of shape (n, n_outputs).
        """
