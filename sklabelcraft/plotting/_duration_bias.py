"""The durations that methods show, beside those they choose from."""

from collections.abc import Mapping
from numbers import Integral, Real
from operator import attrgetter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_params

from sklabelcraft._estimator import USUAL, stated_by
from sklabelcraft._numbers import real
from sklabelcraft._ranked import Ranked
from sklabelcraft._reading import as_log
from sklabelcraft._stated import SCORED, check_stated
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import Floats, typed
from sklabelcraft.columns import Columns
from sklabelcraft.plotting._panels import (
    COLORS,
    LARGEST,
    check_drawable,
    leftmost,
    need_matplotlib,
    own_options,
    panels,
)

TAKEN = dict.fromkeys(("values", "edges"), "the histograms are drawn")
COVERED = 0.99  # of the impressions, by the bins before the open one
MOST_BINS = 10_000  # of which none would be a pixel wide
LENGTH = Interval(Integral, 1, None, closed="left")
VALID = {
    "columns": [Columns, None],
    "bin_width": [Interval(Real, 0, None, closed="neither")],
}


class DurationBiasDisplay:
    """Histograms of the durations in the top k, beside those of all impressions.

    A method without duration bias shows durations as they come. Equal scores are no
    order: what is shown is the expectation over all orders of the rows that are tied.
    Make it with :meth:`from_estimators` or :meth:`from_predictions`.

    Parameters
    ----------
    durations : ndarray of shape (n,)
        Durations of all impressions of the users who take part, in seconds.
    shown : dict of ndarray of shape (n,)
        By method, how much of each of these impressions is expected among the first k
        of its user: 1 if it is there for certain, 0 if not, a share of 1 if scores are
        tied across the end of the list. They sum to k for each user.
    k : int
        Length of the shown lists.
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
    >>> X = make_short_videos(n_users=50, random_state=0).data
    >>> display = DurationBiasDisplay.from_predictions(
    ...     X, {"longest first": X["duration"], "shortest first": -X["duration"]}
    ... )
    >>> float(display.shown["longest first"].sum())
    500.0
    """

    def __init__(
        self,
        durations: Floats,
        shown: Mapping[str, Floats],
        *,
        k: int,
        bin_width: float = 50,
    ) -> None:
        self.durations = durations
        self.shown = shown
        self.k = k
        self.bin_width = bin_width

    @classmethod
    @typed(
        validate_params(
            VALID | {"estimators": [Mapping], "k": [LENGTH, None]},
            prefer_skip_nested_validation=True,
        )
    )
    def from_estimators(
        cls,
        estimators: dict[str, Any],
        X: LogLike,
        *,
        columns: Columns | None = None,
        k: int | None = None,
        bin_width: float = 50,
        axes: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the lists of fitted estimators.

        Parameters
        ----------
        estimators : dict
            By name, fitted estimators with ``predict``.
        X : data frame or array of shape (n, n_columns)
            Impressions.
        columns : Columns, default=None
            Names or positions of the columns of X; None for those that the estimators
            state, else the usual names. Only the user and the duration are read, in
            which the estimators must not contradict each other.
        k : int, default=None
            Length of the shown lists; users with more than k rows take part. None for
            that which the estimators state without contradiction, else 10.
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
            If the estimators contradict each other in what is not given, no user has
            more than k rows, a duration or score is not finite or a duration negative,
            or `bin_width` makes too many bins.
        """
        need_matplotlib(cls, "from_estimators")
        _check_estimators(estimators)
        read = attrgetter("user", "duration")
        columns = columns or _stated(estimators, "columns", read)
        k = k or _stated(estimators, "k", int)
        return cls.from_predictions(
            X,
            {name: estimator.predict(X) for name, estimator in estimators.items()},
            columns=columns,
            k=k,
            bin_width=bin_width,
            axes=axes,
            **kwargs,
        )

    @classmethod
    @typed(
        validate_params(
            VALID | {"scores": [Mapping], "k": [LENGTH]},
            prefer_skip_nested_validation=True,
        )
    )
    def from_predictions(
        cls,
        X: LogLike,
        scores: Mapping[str, ArrayLike],
        *,
        columns: Columns | None = None,
        k: int = 10,
        bin_width: float = 50,
        axes: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the lists that scores lead to.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            Impressions.
        scores : dict of array-like of shape (n,)
            By name, the scores of a method: the higher, the earlier in the list. Equal
            scores are no order.
        columns : Columns, default=None
            Names or positions of the columns of X; None for the usual names. Only the
            user and the duration are read; a user of None makes one list of all rows,
            missing users are one user.
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
            If no user has more than k rows, a duration or score is not finite or a
            duration negative, or `bin_width` makes too many bins.
        """
        need_matplotlib(cls, "from_predictions")
        if not scores:
            raise ValueError("scores must hold those of at least one method.")
        log, columns = as_log(X), columns or USUAL["columns"]
        check_stated(columns, log, SCORED)
        durations = log.numeric(columns.duration, minimum=0)
        users = log.ids(columns.user).codes()
        shown = {name: _shown(values, users, k) for name, values in scores.items()}
        takes_part = np.bincount(users)[users] > k
        return cls(
            durations[takes_part],
            {name: values[takes_part] for name, values in shown.items()},
            k=k,
            bin_width=bin_width,
        ).plot(axes, **kwargs)

    def plot(self, axes: Any = None, **kwargs: Any) -> Self:
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
        need_matplotlib(type(self), "plot")
        from matplotlib.patches import StepPatch

        own = own_options(kwargs, StepPatch, TAKEN)
        width = real(self.bin_width, "bin_width", 0, LARGEST)
        edges = self._edges(width)
        check_drawable(self.durations, "durations")
        self.edges_ = edges
        everything = self._histogram(np.ones(len(self.durations)))
        shown = {name: self._histogram(v) for name, v in self.shown.items()}
        self.axes_ = panels(self, len(shown), axes, size=(3, 3.2))
        self.figure_ = self.axes_[0].figure
        highest = max(everything.max(), *(shares.max() for shares in shown.values()))
        drawn = np.append(self.edges_[:-1], self.edges_[-2] + width)
        house = {"color": COLORS["blue"], "linewidth": 2, "label": f"top {self.k}"}
        for ax, (name, shares) in zip(self.axes_, shown.items(), strict=True):
            ax.stairs(
                everything, drawn, fill=True, color="0.8", label="all impressions"
            )
            ax.stairs(shares, drawn, **house | own)
            ax.set(title=name, xlabel="duration (s)", xlim=drawn[[0, -1]])
            ax.set_ylim(0, 1.05 * highest)
            _tick(ax, drawn)
        for ax in leftmost(self.axes_):
            ax.set_ylabel(f"share per {width:g} s")
        self.axes_[-1].legend()
        return self

    def _edges(self, width):
        """Bounds of the bins: as many as cover nearly all, and infinity."""
        longest = float(np.quantile(self.durations, COVERED))
        n_closed = longest / width
        if not n_closed <= MOST_BINS:
            raise ValueError(
                f"bin_width={width:g} makes {n_closed:.3g} bins up to the "
                f"99 % quantile of the durations, {longest:.6g} s; at most {MOST_BINS} "
                "can be drawn. Raise bin_width, or bring the durations to seconds."
            )
        return np.append(np.arange(int(n_closed) + 1) * width, np.inf)

    def _histogram(self, shown):
        """The share of each bin in what is shown, in whatever order the rows are."""
        order = np.lexsort((shown, self.durations))
        bins = np.digitize(self.durations[order], self.edges_) - 1
        totals = np.bincount(bins, shown[order], minlength=len(self.edges_) - 1)
        return totals / totals.sum()


def _check_estimators(estimators):
    """Refuse what cannot score."""
    for name, estimator in estimators.items():
        if isinstance(estimator, type) or not hasattr(estimator, "predict"):
            raise TypeError(
                f"estimators must be fitted ones with predict, got {estimator!r} for "
                f"{name!r}."
            )


def _stated(estimators, name, read):
    """Columns or k of those estimators that state them; what is `read` must agree."""
    stated = {key: stated_by(value, name) for key, value in estimators.items()}
    stated = {key: value for key, value in stated.items() if value is not None}
    if len({read(value) for value in stated.values()}) > 1:
        different = {key: read(value) for key, value in stated.items()}
        raise ValueError(
            f"the estimators state different {name}: {different}; say by {name}= which "
            "to draw by."
        )
    return next(iter(stated.values()), USUAL[name])


def _shown(scores, users, k):
    """How much of each row is expected in the list of its user, (n,)."""
    ranked = Ranked.by(scores, users, k)
    rows, shares = ranked.shown(np.arange(ranked.n_rows))
    shown = np.zeros(ranked.n_rows)
    shown[rows] = shares
    return shown


def _tick(ax, bounds, most=6):
    """Ticks at a few bounds of the bins, and in the middle of the last, open one."""
    *closed, last, end = bounds
    middle, every = (last + end) / 2, max(1, -(-len(closed) // most))
    apart = 0.9 * every * (end - last)  # so that its text has room
    few = [bound for bound in closed[::every] if middle - bound > apart]
    labels = [f"{bound:g}" for bound in few]
    ax.set_xticks([*few, middle], [*labels, f"\N{GREATER-THAN OR EQUAL TO} {last:g}"])
