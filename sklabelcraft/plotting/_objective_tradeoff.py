"""Methods in the plane of what the platform wants."""

from typing import Any, Self

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from sklabelcraft._segments import ALL
from sklabelcraft.plotting._annotations import annotate_apart
from sklabelcraft.plotting._panels import (
    check_drawable,
    need_matplotlib,
    own_options,
    panels,
)
from sklabelcraft.results import Comparison

RANDOM = "random lists"
METRICS = ["NWTG", "NEG", "DS"]
BARS = {"fmt": "none", "ecolor": "0.6", "elinewidth": 1, "zorder": 1}
POINTS = {"s": 80, "edgecolor": "black", "zorder": 2}
TAKEN = dict.fromkeys(("c", "color", "facecolor"), "the colours tell DS")
TAKEN |= dict.fromkeys(("x", "y"), "the means are drawn")
READ = "method", "metric", "k", "mean", "se_users"  # columns of the comparison


class ObjectiveTradeoffDisplay:
    """Methods by watch time (NWTG), explicit feedback (NEG) and spread (DS).

    The first panel has the plane of the first two, with the third as the colour; the
    second has their sum S, each relative to random lists, by which methods are ordered.
    Make it with :meth:`from_comparison`.

    Parameters
    ----------
    means : DataFrame of shape (n_methods, 4)
        The columns NWTG, NEG, DS (in seconds) and S, a row per method.
    errors : DataFrame of shape (n_methods, 4)
        Their standard errors over users.
    reference : Series of shape (3,)
        The three of lists shown at random.
    k : int
        Length of the shown lists.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (2,)
        The plane, and the sums.
    figure_ : Figure
        What they lie in.
    colorbar_ : Colorbar
        The scale of DS.

    Examples
    --------
    >>> from sklabelcraft import D2Q, ObjectiveTradeoffDisplay, compare_labelers
    >>> from sklabelcraft import LabelCraftRecommender, MLPRanker, WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> found = compare_labelers(
    ...     {"WT": WatchTime(), "D2Q": D2Q()},
    ...     log.data,
    ...     log.target,
    ...     cv=log.split,
    ...     recommender=LabelCraftRecommender(ranker=MLPRanker(max_epochs=2)),
    ...     n_seeds=1,
    ...     n_bootstrap=100,
    ...     random_state=0,
    ... )
    >>> display = ObjectiveTradeoffDisplay.from_comparison(found)
    >>> display.means.shape
    (2, 4)
    """

    def __init__(
        self, means: DataFrame, errors: DataFrame, reference: Series, *, k: int
    ) -> None:
        self.means = means
        self.errors = errors
        self.reference = reference
        self.k = k

    @classmethod
    def from_comparison(
        cls, found: Comparison, *, k: int | None = None, axes: Any = None, **kwargs: Any
    ) -> Self:
        """Draw what :func:`~sklabelcraft.compare_labelers` found.

        Parameters
        ----------
        found : Comparison
            Its result, or the ``validation`` or one of the ``segments`` in it.
        k : int, default=None
            Length of the shown lists, one of those compared; None for the first.
        axes : array-like of Axes, default=None
            Where to draw, two of them; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``scatter`` for the methods; their colours
            tell DS.

        Returns
        -------
        ObjectiveTradeoffDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `found` is nothing of the kind.
        ValueError
            If lists of length `k`, one of the three metrics or S were not compared.
        """
        need_matplotlib(cls, "from_comparison")
        _check_found(found)
        table = found.table
        if "segment" in table:
            table = table[table["segment"] == ALL]
        ks = table["k"].unique().tolist()
        if not ks:
            raise ValueError("no methods were compared: the table has no rows.")
        k = ks[0] if k is None else k
        if not isinstance(k, int | np.integer) or k not in ks:
            raise ValueError(f"k must be one of {ks}, got {k!r}.")
        rows = table[table["k"] == k]
        by_method = rows.set_index(["method", "metric"])[["mean", "se_users"]]
        wanted = [*METRICS, "S"]
        missing = [name for name in wanted if name not in set(rows["metric"])]
        if missing:
            raise ValueError(f"the metrics {missing} were not compared.")
        values = by_method.unstack("metric").loc[rows["method"].unique()]
        return cls(
            values["mean"][wanted],
            values["se_users"][wanted],
            found.reference[k][METRICS],
            k=k,
        ).plot(axes, **kwargs)

    def plot(self, axes: Any = None, **kwargs: Any) -> Self:
        """Draw the methods.

        Parameters
        ----------
        axes : array-like of Axes, default=None
            Where to draw, two of them; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``scatter`` for the methods; their colours
            tell DS.

        Returns
        -------
        ObjectiveTradeoffDisplay
            The drawn display.
        """
        need_matplotlib(type(self), "plot")
        from matplotlib.collections import PathCollection

        self._check()
        own = own_options(kwargs, PathCollection, TAKEN)
        self.axes_ = panels(
            self, 2, axes, size=(5.6, 4.6), sharey=False, width_ratios=[3, 2]
        )
        self.figure_ = self.axes_[0].figure
        points = self._draw_plane(own)
        label = f"DS@{self.k} (spread of durations, s)"
        self.colorbar_ = self.figure_.colorbar(points, ax=self.axes_[0], label=label)
        self._draw_sums(own, points)
        self._annotate()
        return self

    def _check(self):
        """Refuse means that cannot be drawn, by metric and method."""
        for metric, of_methods in self.means.items():
            for method, mean in of_methods.items():
                check_drawable([mean], f"the {metric} of {method!r}")
        for metric, value in self.reference.items():
            check_drawable([value], f"the {metric} of {RANDOM}")
        check_drawable(self.errors, "errors", gaps=True)

    def _colors(self, norm=None, **kwargs):
        """The scale of DS, from the least to the most of methods and random lists."""
        both = np.append(self.means["DS"], self.reference["DS"])
        limits = {"vmin": both.min(), "vmax": both.max()}
        return {"cmap": "cividis"} | (limits if isinstance(norm, str | None) else {})

    def _draw_plane(self, own):
        """Methods and random lists by NWTG and NEG; the colour is DS."""
        ax, (x, y, spread) = self.axes_[0], (self.means[name] for name in METRICS)
        bars = {"xerr": self.errors["NWTG"], "yerr": self.errors["NEG"]}
        ax.errorbar(x, y, **bars, **BARS)
        points = ax.scatter(x, y, c=spread, **POINTS | self._colors(**own) | own)
        at_random = self.reference
        cross = {"c": at_random["DS"], "marker": "X", "s": 110}
        style = POINTS | cross | _colors_of(points)
        ax.scatter(*at_random[["NWTG", "NEG"]], **style)
        ax.margins(0.1)
        ax.set(
            xlabel=f"NWTG@{self.k} (watch time)",
            ylabel=f"NEG@{self.k} (explicit feedback)",
        )
        return points

    def _draw_sums(self, own, points):
        """Methods in ascending order of S, beside that of random lists.

        These have 1 for each metric that their sum is relative to.
        """
        ax, order = self.axes_[1], np.argsort(self.means["S"], kind="stable")
        means, places = self.means.iloc[order], np.arange(len(order))
        ax.errorbar(means["S"], places, xerr=self.errors["S"].iloc[order], **BARS)
        style = POINTS | own | _colors_of(points)
        ax.scatter(means["S"], places, c=means["DS"], **style)
        at_random = (self.reference != 0).sum()
        ax.axvline(at_random, color="0.4", linestyle=":", label=RANDOM)
        ax.set_yticks(places, means.index)
        ax.set_xlabel(f"S@{self.k} (sum, each relative to random lists)")
        ax.legend(loc="best")

    def _annotate(self):
        both = [self.means[["NWTG", "NEG"]], [self.reference[["NWTG", "NEG"]]]]
        bars = np.vstack([self.errors[["NWTG", "NEG"]], [[0, 0]]])
        bars = np.where(np.isfinite(bars), bars, 0)
        names = [*self.means.index, RANDOM]
        annotate_apart(self.axes_[0], names, np.vstack(both), bars)


def _colors_of(points):
    """The same scale of colours as that of drawn points."""
    return {"norm": points.norm, "cmap": points.cmap, "vmin": None, "vmax": None}


def _check_found(found):
    """Refuse anything but a comparison."""
    columns = getattr(getattr(found, "table", None), "columns", ())
    reference = getattr(found, "reference", None)
    if not set(READ) <= set(columns) or not isinstance(reference, pd.Series):
        raise TypeError(
            "found must be what compare_labelers returns, with a reference and a table "
            f"of {list(READ)}, got {found!r}."
        )
