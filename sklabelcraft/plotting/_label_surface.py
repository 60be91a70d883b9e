"""The label as a function of watch time and duration."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._estimator import USUAL, stated_by
from sklabelcraft._ids import OTHER
from sklabelcraft._reading import as_log
from sklabelcraft._stated import AFTER, BEFORE, check_stated
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import Estimator, Floats, typed
from sklabelcraft.columns import USUAL_EXPLICIT, Columns
from sklabelcraft.plotting._occupied import occupied
from sklabelcraft.plotting._panels import (
    check_drawable,
    leftmost,
    need_matplotlib,
    panels,
)

TITLES = ["without explicit feedback", "with explicit feedback"]
SHORTEST = 1.0  # second, where the axes begin
MOST_POINTS = 2048  # of an axis, of which none is a pixel wide


class LabelSurfaceDisplay:
    """The label over watch time and duration, without and with explicit feedback.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    seconds : ndarray of shape (n_points,)
        Ascending points of both axes.
    labels : ndarray of shape (n_panels, n_points, n_points)
        The labels without and, where there is a second panel, with explicit feedback;
        rows are watch times, columns durations. NaN where there is nothing to draw.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_panels,)
        The panels.
    figure_ : Figure
        What they lie in.
    colorbar_ : Colorbar
        The scale of the labels, from 0 to 1 if all of them are.

    Examples
    --------
    >>> from sklabelcraft import D2Q, LabelSurfaceDisplay
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0).frame
    >>> display = LabelSurfaceDisplay.from_estimator(D2Q().fit(log), log, n_points=20)
    >>> display.labels.shape
    (2, 20, 20)
    """

    def __init__(self, seconds: Floats, labels: Floats) -> None:
        self.seconds = seconds
        self.labels = labels

    @classmethod
    @typed(
        validate_params(
            {
                "columns": [Columns, None],
                "n_points": [Interval(Integral, 2, MOST_POINTS, closed="both")],
            },
            prefer_skip_nested_validation=True,
        )
    )
    def from_estimator(
        cls,
        labeler: Estimator,
        log: LogLike,
        *,
        columns: Columns | None = None,
        n_points: int = 160,
        axes: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Label a grid of watch times and durations.

        The grid goes from 1 s to the 95 % quantile of the durations. Columns other than
        watch time, duration and explicit feedback have the values of one row of the
        log, that which comes first in ascending order of these columns. Where the log
        has no impressions, with or without explicit feedback, the panel stays empty.

        Parameters
        ----------
        labeler : transformer or LabelCraftRecommender
            A fitted labeler that makes one label per impression; of a recommender, its
            labeler is drawn.
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback, with the columns that the labeler wants.
        columns : Columns, default=None
            Names or positions of the log's columns; None for those that the labeler
            states, else the usual names. Those of explicit feedback are all 0 in the
            first panel and all 1 in the second; without any there is one panel. Where
            the labeler states them, those it does not use may be missing.
        n_points : int, default=160
            Points of each axis, from 2 to 2048.
        axes : array-like of Axes, default=None
            Where to draw, one for each panel; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``pcolormesh``.

        Returns
        -------
        LabelSurfaceDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `labeler` makes no labels.
        ValueError
            If there is more than one label, the log has no rows, videos are no longer
            than a second, or a label is beyond what can be drawn.
        """
        need_matplotlib(cls, "from_estimator")
        check_is_fitted(labeler)
        labeler, table = _labeler_of(labeler), as_log(log)
        if columns is not None:
            check_stated(columns, table, BEFORE + AFTER)
        explicit = _explicit(labeler, columns, table)
        columns = columns or stated_by(labeler, "columns") or USUAL["columns"]
        seconds = _seconds(table.numeric(columns.duration, minimum=0), n_points)
        grid = _grid(table, columns, explicit, seconds)
        parts = [
            _labels(labeler, grid.filled(dict.fromkeys(explicit, value)))
            for value in ([0, 1] if explicit else [0])
        ]
        labels = np.reshape(parts, (-1, n_points, n_points))
        there = _occupied(table, columns, explicit, seconds)
        return cls(seconds, np.where(there, labels, np.nan)).plot(axes, **kwargs)

    def plot(self, axes: Any = None, **kwargs: Any) -> Self:
        """Draw the surface.

        Parameters
        ----------
        axes : array-like of Axes, default=None
            Where to draw, one for each panel; None for a new figure.
        **kwargs : dict
            Further options of matplotlib's ``pcolormesh``.

        Returns
        -------
        LabelSurfaceDisplay
            The drawn display.
        """
        need_matplotlib(type(self), "plot")
        check_drawable(self.seconds, "seconds")
        check_drawable(self.labels, "labels", gaps=True)
        self.axes_ = panels(self, len(self.labels), axes, size=(4.4, 4))
        self.figure_ = self.axes_[0].figure
        options = _colors(self.labels, **kwargs)
        ends = self.seconds[[0, -1]]
        for ax, labels, title in zip(self.axes_, self.labels, TITLES, strict=False):
            mesh = ax.pcolormesh(self.seconds, self.seconds, labels, **options)
            ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, box_aspect=1)
            ax.set(xlabel="duration (s)", title=title if len(self.labels) > 1 else "")
            _write_plainly(ax.xaxis)
            _write_plainly(ax.yaxis)
            _mark_diagonal(ax, self.seconds)
        for ax in leftmost(self.axes_):
            ax.set_ylabel("watch time (s)")
        self.colorbar_ = self.figure_.colorbar(mesh, ax=list(self.axes_), label="label")
        return self


def _labeler_of(estimator):
    """What makes the labels: the estimator, or the labeler of a recommender."""
    labeler = getattr(estimator, "labeler_", estimator)
    if not hasattr(labeler, "transform"):
        raise TypeError(
            "labeler must be a fitted labeler with transform, or a recommender with "
            f"one, got {estimator!r}."
        )
    return labeler


def _explicit(labeler, columns, log):
    """The columns of explicit feedback that are set to 0 and to 1."""
    if columns is None:
        columns = stated_by(labeler, "columns") or USUAL["columns"]
        used = getattr(labeler, "explicit_", columns.explicit)
        return [log.canonical(key) for key in used if key in log]
    optional = {key for key in USUAL_EXPLICIT if key not in log}
    return [log.canonical(key) for key in columns.explicit if key not in optional]


def _seconds(durations, n_points):
    """Points of an axis up to where all but the longest videos end."""
    if len(durations) == 0:
        raise ValueError("the log must have rows, got none.")
    longest = np.quantile(durations, 0.95)
    if longest <= SHORTEST:
        raise ValueError(
            f"the axes go from {SHORTEST:g} s to the 95 % quantile of the durations, "
            f"which is {longest:g} s."
        )
    return np.geomspace(SHORTEST, longest, n_points)


def _grid(log, columns, explicit, seconds):
    """A row for each pair of watch time and duration, which differ in nothing else."""
    roles = [log.canonical(key) for key in (columns.watch_time, columns.duration)]
    others = [key for key in log.keys if key not in [*roles, *explicit]]
    row = _first_in_order(log, others)
    points = np.meshgrid(seconds, seconds, indexing="ij")
    rows = row.rows(np.zeros(points[0].size, dtype=int))
    return rows.filled(dict(zip(roles, map(np.ravel, points), strict=True)))


def _first_in_order(log, keys):
    """Those rows of a log that come first in ascending order of some columns."""
    for key in keys:
        first = _lowest(log, key)
        log = log.rows(first) if len(first) < len(log) else log
    return log


def _lowest(log, key):
    """Positions of the lowest value of a column; all, if its values have no order."""
    try:
        ids = log.ids(key)
        there = np.flatnonzero(~ids.missing)
        if ids.kind is not None and ids.kind != OTHER:
            return there[ids.values[there] == ids.values[there].min()]
    except (TypeError, ValueError):
        pass  # what cannot be compared
    return np.arange(len(log))


def _labels(labeler, log):
    labels = np.asarray(labeler.transform(log.native), dtype=float)
    labels = labels.reshape(len(log), -1)
    if labels.shape[1] != 1:
        raise ValueError(
            f"one label per impression can be drawn, got {labels.shape[1]}."
        )
    return labels


def _occupied(log, columns, explicit, seconds):
    """Where there are impressions: without explicit feedback, and with it."""
    watch_time, duration = (
        log.numeric(key, minimum=0) for key in (columns.watch_time, columns.duration)
    )
    told = log.any_positive(explicit) > 0
    parts = [~told, told] if explicit else [~told]
    return [occupied(watch_time[part], duration[part], seconds) for part in parts]


def _colors(labels, norm="linear", cmap="viridis", **kwargs):
    """One scale of colours for all panels, and for all labels between 0 and 1."""
    there = labels[np.isfinite(labels)]
    low, high = (there.min(), there.max()) if len(there) else (0, 1)
    if norm == "linear" and low >= 0 and high <= 1:
        low, high = 0, 1
    limits = {"vmin": low, "vmax": high} if isinstance(norm, str) else {}
    return {"norm": norm, "cmap": cmap, "rasterized": True} | limits | kwargs


def _write_plainly(axis):
    """Numbers such as 0.5, 1, 2, 5 and 10 along a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _mark_diagonal(ax, seconds):
    """Dash the line where the watch time is the duration."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="black", alpha=0.6)]
    line = {"color": "white", "linestyle": "--", "linewidth": 1.2}
    ax.plot(seconds, seconds, **line, path_effects=outline)
    ax.annotate(
        "watched once",
        [seconds[len(seconds) // 4]] * 2,
        xytext=(-4, 4),
        textcoords="offset points",
        color="white",
        rotation=45,  # the axes are square and of one scale
        rotation_mode="anchor",
        path_effects=outline,
    )
