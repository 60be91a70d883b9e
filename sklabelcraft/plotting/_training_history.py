"""How training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._typing import Estimator, Floats
from sklabelcraft.plotting._panels import (
    COLORS,
    MARKERS,
    check_axes,
    check_drawable,
    need_matplotlib,
    own_options,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEAN = "weighted mean"
WEIGHT = "weight_"  # and the name of an objective: that of its weight in the balance
SUMMARY = ("epoch", "loss", "objective")  # what else is told of each epoch
TAKEN = {"label": "each curve has its name"}
TAKEN |= dict.fromkeys(("xdata", "ydata"), "the curves are drawn")
LOSSES = {"loss": "training", "validation_loss": "held out"}


class TrainingHistoryDisplay:
    """Objectives or losses per epoch, and how the objectives are weighed.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    curves : dict of ndarray of shape (n_epochs,)
        Objectives or losses by name.
    relative : bool, default=False
        Whether these are objectives, of which lists shown at random reach 1, and not
        losses.
    n_warmup : int, default=0
        Epochs at the beginning in which only the ranker is trained.
    kept : (str, int), default=None
        The curve and the position of the epoch whose weights were kept; None if it is
        not known.
    balance : dict of ndarray of shape (n_epochs,), default=None
        The weights of the objectives of the same names, NaN during the warm-up.

    Attributes
    ----------
    ax_ : Axes
        The curves.
    balance_ax_ : Axes or None
        The weights below, if there are any and a new figure was made.
    figure_ : Figure
        What it lies in.

    Examples
    --------
    >>> from sklabelcraft import LabelCrafter, MLPRanker, TrainingHistoryDisplay
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0).frame
    >>> crafter = LabelCrafter(MLPRanker(max_epochs=2), random_state=0).fit(log)
    >>> display = TrainingHistoryDisplay.from_estimator(crafter)
    >>> len(display.curves["weighted mean"])
    3
    """

    def __init__(
        self,
        curves: Mapping[str, Floats],
        *,
        relative: bool = False,
        n_warmup: int = 0,
        kept: tuple[str, int] | None = None,
        balance: Mapping[str, Floats] | None = None,
    ) -> None:
        self.curves = curves
        self.relative = relative
        self.n_warmup = n_warmup
        self.kept = kept
        self.balance = balance

    @classmethod
    def from_estimator(
        cls, estimator: Estimator, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : LabelCrafter, LabelCraftRecommender or BaseRanker
            Of a recommender, the training of its `LabelCrafter` is drawn, and that of
            its ranker if the labeler is another.
        ax : Axes, default=None
            Where to draw the curves; None for a new figure, which also shows the
            weights of the objectives.
        **kwargs : dict
            Further options of matplotlib's ``plot`` for the curves, which keep their
            names.

        Returns
        -------
        TrainingHistoryDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If neither the estimator nor its parts have a history.
        """
        need_matplotlib(cls, "from_estimator")
        check_is_fitted(estimator)
        trained = _trained(estimator)
        history = pd.DataFrame(trained.history_).drop(columns="epoch")
        crafted = "objective" in history
        described = _objectives if crafted else _losses
        return cls(**described(trained, history), relative=crafted).plot(ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw the curves; None for a new figure, which also shows the
            weights of the objectives.
        **kwargs : dict
            Further options of matplotlib's ``plot`` for the curves, which keep their
            names.

        Returns
        -------
        TrainingHistoryDisplay
            The drawn display.
        """
        need_matplotlib(type(self), "plot")
        from matplotlib.lines import Line2D

        self._check()
        own = own_options(kwargs, Line2D, TAKEN)
        self.ax_, self.balance_ax_ = self._axes(ax)
        self.figure_ = self.ax_.figure
        styles = self._styles()
        for name, values in self.curves.items():
            epochs = np.arange(1, len(values) + 1)
            self.ax_.plot(epochs, values, label=name, **styles[name] | own)
        if self.balance_ax_ and self.balance is not None:
            for name, values in self.balance.items():
                self.balance_ax_.plot(epochs, values, **styles[name] | own)
            self.balance_ax_.set(ylabel="weight in the balance")
        self._mark_epochs(len(epochs))
        if self.relative:
            self.ax_.axhline(1, color="0.3", linestyle=":", label="random lists")
        ylabel = "objective relative to random lists" if self.relative else "mean loss"
        self.ax_.set(ylabel=ylabel)
        lowest = self.balance_ax_ or self.ax_
        lowest.set(xlabel="epoch")
        lowest.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        return self

    def _check(self):
        """Refuse curves that cannot be drawn."""
        if not any(len(values) for values in self.curves.values()):
            raise ValueError("curves must have an epoch to draw, got none.")
        for name, values in [*self.curves.items(), *(self.balance or {}).items()]:
            check_drawable(values, f"the curve {name!r}", gaps=True)

    def _axes(self, ax):
        """Axes for the curves and for the weights, of which the latter may be None."""
        if ax is not None:
            check_axes(ax)
            return ax, None
        import matplotlib.pyplot as plt

        if not self.balance:
            return plt.subplots(figsize=(5.6, 3.8), layout="constrained")[1], None
        return plt.subplots(
            2,
            sharex=True,
            figsize=(6.4, 5.4),
            height_ratios=(2, 1),
            layout="constrained",
        )[1]

    def _styles(self):
        """How each curve is drawn."""
        styles = cycle(zip(COLORS.values(), MARKERS, strict=True))
        named = {
            name: {"color": color, "marker": marker, "markersize": 4}
            for name, (color, marker) in zip(self.curves, styles, strict=False)
        }
        return named | {MEAN: {"color": "black", "linewidth": 2.5}}

    def _mark_epochs(self, n_epochs):
        """Shade the warm-up; ring the epoch that was kept."""
        self.ax_.set_xlim(0.5, n_epochs + 0.5)
        for ax in filter(None, [self.ax_, self.balance_ax_]):
            if self.n_warmup:
                ax.axvspan(
                    0.5, self.n_warmup + 0.5, color="0.92", zorder=0, label="warm-up"
                )
        if self.kept is not None:
            name, epoch = self.kept
            ring = {"markersize": 12, "markerfacecolor": "none", "linestyle": "none"}
            self.ax_.plot(
                epoch + 1,
                self.curves[name][epoch],
                marker="o",
                color="black",
                label="weights kept",
                **ring,
            )


def _trained(estimator):
    """The estimator or that part of it which has a history."""
    parts = [getattr(estimator, part, None) for part in ("labeler_", "ranker_")]
    for part in (estimator, *parts):
        if hasattr(part, "history_"):
            return part
    raise ValueError(f"nothing in {type(estimator).__name__} has a history of epochs.")


def _objectives(crafter, history):
    """Curves of the objectives, the warm-up and the epoch kept."""
    n_warmup = min(crafter.warmup_epochs, len(history))
    means = history["objective"].to_numpy()
    kept = n_warmup + np.argmax(means[n_warmup:]) if n_warmup < len(means) else None
    names = _measured(list(crafter.history_[0]), moving=n_warmup == 0)
    readable = dict(zip(names, _readable(names), strict=True))
    return {
        "curves": {readable[n]: history[n].to_numpy() for n in names} | {MEAN: means},
        "n_warmup": n_warmup,
        "kept": None if kept is None else (MEAN, kept),
        "balance": {
            readable[name]: history[WEIGHT + name].to_numpy()
            for name in names
            if WEIGHT + name in history and WEIGHT + name not in names
        },
    }


def _measured(told, moving):
    """The names of the objectives in what is told of the first epoch.

    Once the label is moving, their weights follow, which is how those are told from an
    objective on a column such as "weight_kg".
    """
    told = [name for name in told if name not in SUMMARY]
    for n in range(1, len(told)) if moving else ():
        weights = {WEIGHT + name for name in told[:n]}
        if weights.issuperset(told[n:]):
            return told[:n]
    return told


def _readable(names):
    """Names with spaces, if they differ so from each other and from the mean."""
    spaced = [name.replace("_", " ") for name in names]
    return spaced if len({MEAN, *spaced}) > len(names) else names


def _losses(ranker, history):
    """Curves of the losses and the epoch kept."""
    curves = {LOSSES[name]: history[name].to_numpy() for name in history}
    held_out = curves.get("held out")
    kept = None if held_out is None else ("held out", np.argmin(held_out))
    return {"curves": curves, "kept": kept}
