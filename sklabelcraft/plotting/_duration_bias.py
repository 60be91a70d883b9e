"""The durations that methods show, beside those they choose from."""

from numbers import Integral, Real

import numpy as np
from pandas import factorize
from sklearn.utils._param_validation import Interval, validate_params

from sklabelcraft._columns import as_table
from sklabelcraft.metrics import _Lists, _nonnegative
from sklabelcraft.plotting._panels import COLORS, leftmost, need_matplotlib, panels

COVERED = 0.99  # of the impressions, by the bins before the open one
VALID = {
    "k": [Interval(Integral, 1, None, closed="left")],
    "bin_width": [Interval(Real, 0, None, closed="neither")],
}


class DurationBiasDisplay:
    """Histograms of the durations in the top k, beside those of all impressions.

    A method without duration bias shows durations as they come. Make it with
    :meth:`from_estimators` or :meth:`from_predictions`.

    Parameters
    ----------
    durations : ndarray of shape (n,)
        Durations of all impressions in the lists of the users who take part, in
        seconds.
    shown : dict of ndarray of shape (n_users, k)
        By method, the durations of the first k impressions of each of these users, in
        seconds.
    bin_width : float, default=50
        Width of the bins, in seconds. The last bin is open: it holds the longest
        videos, about a hundredth of all impressions or more.

    Attributes
    ----------
    edges_ : ndarray of shape (n_bins + 1,)
        Bounds of the bins, in seconds, the last of them infinite.
    axes_ : ndarray of Axes of shape (n_methods,)
        A panel for each method.
    figure_ : Figure
        What they lie in.

    Examples
    --------
    >>> from sklabelcraft import DurationBiasDisplay
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0).frame
    >>> display = DurationBiasDisplay.from_predictions(
    ...     log["duration"],
    ...     {"longest first": log["duration"], "shortest first": -log["duration"]},
    ...     groups=log["user_id"],
    ... )
    >>> display.shown["longest first"].shape
    (50, 10)
    """

    def __init__(self, durations, shown, *, bin_width=50):
        self.durations = durations
        self.shown = shown
        self.bin_width = bin_width

    @classmethod
    @validate_params(VALID, prefer_skip_nested_validation=True)
    def from_estimators(
        cls,
        estimators,
        X,
        *,
        user="user_id",
        duration="duration",
        k=10,
        bin_width=50,
        axes=None,
        **kwargs,
    ):
        """Draw the lists of fitted estimators.

        Parameters
        ----------
        estimators : dict
            By name, fitted estimators with ``predict``.
        X : data frame or array of shape (n, n_columns)
            Impressions.
        user : str, int or None, default="user_id"
            Column of X with the user; None makes one list of all rows.
        duration : str or int, default="duration"
            Column of X in seconds.
        k : int, default=10
            Length of the shown lists; users with more than k rows take part.
        bin_width : float, default=50
            Width of the bins, in seconds.
        axes : array-like of Axes, default=None
            Where to draw, one for each method; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``stairs`` for what is shown.

        Returns
        -------
        DurationBiasDisplay
            The drawn display.
        """
        need_matplotlib(cls, "from_estimators")
        table = as_table(X)
        return cls.from_predictions(
            table.numeric(duration, minimum=0),
            {name: estimator.predict(X) for name, estimator in estimators.items()},
            groups=np.zeros(len(table)) if user is None else table[user],
            k=k,
            bin_width=bin_width,
            axes=axes,
            **kwargs,
        )

    @classmethod
    @validate_params(VALID, prefer_skip_nested_validation=True)
    def from_predictions(
        cls, durations, scores, *, groups, k=10, bin_width=50, axes=None, **kwargs
    ):
        """Draw the lists that scores lead to.

        Parameters
        ----------
        durations : array-like of shape (n,)
            Seconds, >= 0.
        scores : dict of array-like of shape (n,)
            By name, the scores of a method: the higher, the earlier in the list. Equal
            scores keep the order of the rows.
        groups : array-like of shape (n,)
            The user of each row.
        k : int, default=10
            Length of the shown lists; users with more than k rows take part.
        bin_width : float, default=50
            Width of the bins, in seconds.
        axes : array-like of Axes, default=None
            Where to draw, one for each method; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``stairs`` for what is shown.

        Returns
        -------
        DurationBiasDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If no user has more than k rows, or a value is not finite or negative.
        """
        need_matplotlib(cls, "from_predictions")
        if not scores:
            raise ValueError("scores must hold those of at least one method.")
        shown = {}
        for name, values in scores.items():
            lists = _Lists(values, groups, k)
            durations = _nonnegative(durations, lists, "durations")
            shown[name] = lists.shown(durations)
        codes, _ = factorize(np.asarray(groups), use_na_sentinel=False)
        takes_part = (np.bincount(codes) > k)[codes]
        return cls(durations[takes_part], shown, bin_width=bin_width).plot(
            axes, **kwargs
        )

    def plot(self, axes=None, **kwargs):
        """Draw the histograms.

        Parameters
        ----------
        axes : array-like of Axes, default=None
            Where to draw, one for each method; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``stairs`` for what is shown.

        Returns
        -------
        DurationBiasDisplay
            The drawn display.
        """
        self.axes_ = panels(self, len(self.shown), axes, size=(3, 3.2))
        self.figure_ = self.axes_[0].figure
        self.edges_ = self._edges()
        everything = _shares(self.durations, self.edges_)
        shares = {name: _shares(v, self.edges_) for name, v in self.shown.items()}
        highest = max(everything.max(), *(share.max() for share in shares.values()))
        drawn = np.append(self.edges_[:-1], self.edges_[-2] + self.bin_width)
        options = {"color": COLORS["blue"], "linewidth": 2}
        for ax, (name, share) in zip(self.axes_, shares.items(), strict=True):
            k = self.shown[name].shape[1]
            ax.stairs(
                everything, drawn, fill=True, color="0.8", label="all impressions"
            )
            ax.stairs(share, drawn, label=f"top {k}", **options | kwargs)
            ax.set(title=name, xlabel="duration (s)", xlim=drawn[[0, -1]])
            ax.set_ylim(0, 1.05 * highest)
            _tick(ax, drawn)
        for ax in leftmost(self.axes_):
            ax.set_ylabel(f"share per {self.bin_width:g} s")
        self.axes_[-1].legend()
        return self

    def _edges(self):
        last = np.quantile(self.durations, COVERED) // self.bin_width * self.bin_width
        return np.append(
            np.arange(0, last + self.bin_width / 2, self.bin_width), np.inf
        )


def _shares(durations, edges):
    """The share of the durations in each bin."""
    counts, _ = np.histogram(durations, edges)
    return counts / np.size(durations)


def _tick(ax, bounds, most=6):
    """Ticks at a few bounds of the bins, and in the middle of the last, open one."""
    *closed, last, end = bounds
    middle, every = (last + end) / 2, max(1, -(-len(closed) // most))
    apart = 0.7 * every * (end - last)
    few = [bound for bound in closed[::every] if middle - bound > apart]
    labels = [f"{bound:g}" for bound in few]
    ax.set_xticks([*few, middle], [*labels, f"\N{GREATER-THAN OR EQUAL TO} {last:g}"])
