"""Methods in the plane of what the platform wants."""

from numbers import Integral

import numpy as np
import pandas as pd

from sklabelcraft._segments import ALL
from sklabelcraft.plotting._annotations import annotate_apart
from sklabelcraft.plotting._panels import check_drawable, need_matplotlib, panels

RANDOM = "random lists"
READ = "method", "metric", "k", "mean", "se_users"  # columns of the comparison


class ObjectiveTradeoffDisplay:
    """Methods by watch time (NWTG), explicit feedback (NEG) and spread (DS).

    Make it with :meth:`from_comparison`.

    Parameters
    ----------
    means : DataFrame of shape (n_methods, 3)
        The columns NWTG, NEG and DS (in seconds), a row per method.
    errors : DataFrame of shape (n_methods, 3)
        Their standard errors over users.
    reference : Series of shape (3,)
        The three of lists shown at random.
    k : int
        Length of the shown lists.

    Attributes
    ----------
    ax_ : Axes
        The picture.
    figure_ : Figure
        What it lies in.
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
    (2, 3)
    """

    def __init__(self, means, errors, reference, *, k):
        self.means = means
        self.errors = errors
        self.reference = reference
        self.k = k

    @classmethod
    def from_comparison(cls, found, *, k=None, ax=None, **kwargs):
        """Draw what :func:`~sklabelcraft.compare_labelers` found.

        Parameters
        ----------
        found : Comparison
            Its result, or the ``validation`` or one of the ``segments`` in it.
        k : int, default=None
            Length of the shown lists, one of those compared; None for the first.
        ax : Axes, default=None
            Where to draw; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``scatter`` for the methods.

        Returns
        -------
        ObjectiveTradeoffDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `found` is nothing of the kind.
        ValueError
            If lists of length `k` or one of the three metrics were not compared.
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
        if not isinstance(k, Integral) or k not in ks:
            raise ValueError(f"k must be one of {ks}, got {k!r}.")
        rows = table[table["k"] == k]
        by_method = rows.set_index(["method", "metric"])[["mean", "se_users"]]
        axes = pd.Index(["NWTG", "NEG", "DS"])
        missing = axes.difference(rows["metric"])
        if len(missing):
            raise ValueError(f"the metrics {list(missing)} were not compared.")
        values = by_method.unstack("metric").loc[rows["method"].unique()]
        return cls(
            values["mean"][axes],
            values["se_users"][axes],
            found.reference[k][axes],
            k=k,
        ).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the methods.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``scatter`` for the methods.

        Returns
        -------
        ObjectiveTradeoffDisplay
            The drawn display.
        """
        need_matplotlib(type(self), "plot")
        check_drawable(self.means, "means")
        check_drawable(self.errors, "errors", gaps=True)
        check_drawable(self.reference, "reference")
        (self.ax_,) = panels(self, 1, ax, size=(6.8, 5))
        self.figure_ = self.ax_.figure
        x, y, spread = (self.means[name] for name in ("NWTG", "NEG", "DS"))
        shared = self._shared_style(spread)
        self.ax_.errorbar(
            x,
            y,
            xerr=self.errors["NWTG"],
            yerr=self.errors["NEG"],
            fmt="none",
            ecolor="0.6",
            elinewidth=1,
            zorder=1,
        )
        points = self.ax_.scatter(x, y, c=spread, **shared | {"s": 80} | kwargs)
        at_random = self.reference
        self.ax_.scatter(
            *at_random[["NWTG", "NEG"]], c=at_random["DS"], marker="X", s=110, **shared
        )
        self.ax_.margins(0.1)
        self.ax_.set(
            xlabel=f"NWTG@{self.k} (watch time)",
            ylabel=f"NEG@{self.k} (explicit feedback)",
        )
        label = f"DS@{self.k} (spread of durations, s)"
        self.colorbar_ = self.figure_.colorbar(points, ax=self.ax_, label=label)
        self._annotate()
        return self

    def _shared_style(self, spread):
        from matplotlib.colors import Normalize

        both = np.append(spread, self.reference["DS"])
        norm = Normalize(both.min(), both.max())
        return {"norm": norm, "cmap": "cividis", "edgecolors": "black", "zorder": 2}

    def _annotate(self):
        both = [self.means[["NWTG", "NEG"]], [self.reference[["NWTG", "NEG"]]]]
        bars = np.vstack([self.errors[["NWTG", "NEG"]], [[0, 0]]])
        bars = np.where(np.isfinite(bars), bars, 0)
        names = [*self.means.index, RANDOM]
        annotate_apart(self.ax_, names, np.vstack(both), bars)


def _check_found(found):
    """Refuse anything but a comparison."""
    columns = getattr(getattr(found, "table", None), "columns", ())
    reference = getattr(found, "reference", None)
    if not set(READ) <= set(columns) or not isinstance(reference, pd.Series):
        raise TypeError(
            "found must be what compare_labelers returns, with a reference and a table "
            f"of {list(READ)}, got {found!r}."
        )
