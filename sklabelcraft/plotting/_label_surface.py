"""The label as a function of watch time and duration."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, validate_params

from sklabelcraft._columns import USUAL, Table, as_table, join
from sklabelcraft.plotting._panels import leftmost, need_matplotlib, panels

TITLES = ["without explicit feedback", "with explicit feedback"]
SHORTEST = 1.0  # second, where the axes begin
DECADES = 1.5  # of labels, beyond which their scale is logarithmic


class LabelSurfaceDisplay:
    """The label over watch time and duration, without and with explicit feedback.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    seconds : ndarray of shape (n_points,)
        Ascending points of both axes.
    labels : ndarray of shape (n_panels, n_points, n_points)
        The labels without and, where there is a second panel, with explicit feedback;
        rows are watch times, columns durations.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_panels,)
        The panels.
    figure_ : Figure
        What they lie in.
    colorbar_ : Colorbar
        The scale of the labels, logarithmic if all are positive and span more than 1.5
        decades.

    Examples
    --------
    >>> from sklabelcraft import D2Q, LabelSurfaceDisplay
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0).frame
    >>> display = LabelSurfaceDisplay.from_estimator(D2Q().fit(log), log, n_points=20)
    >>> display.labels.shape
    (2, 20, 20)
    """

    def __init__(self, seconds, labels):
        self.seconds = seconds
        self.labels = labels

    @classmethod
    @validate_params(
        {"n_points": [Interval(Integral, 2, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        labeler,
        log,
        *,
        watch_time=None,
        duration=None,
        explicit=None,
        n_points=160,
        axes=None,
        **kwargs,
    ):
        """Label a grid of watch times and durations.

        The grid goes from 1 s to the 95 % quantile of the durations. Columns that are
        not named here have the values of the first row of the log.

        Parameters
        ----------
        labeler : transformer
            A fitted labeler or recommender that makes one label per impression.
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback, with the columns that the labeler wants.
        watch_time, duration : str or int, default=None
            Columns of the log, by name or position, in seconds; None for those that the
            labeler states, else "watch_time" and "duration".
        explicit : sequence of str or int, default=None
            Columns of explicit feedback, all 0 in the first panel and all 1 in the
            second; without any there is one panel. None for those that the labeler
            uses, else for "like", "follow" and "comment", those present.
        n_points : int, default=160
            Points of each axis.
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
        ValueError
            If there is more than one label, or videos are no longer than a second.
        """
        need_matplotlib(cls, "from_estimator")
        table = as_table(log)
        watch_time = _stated(labeler, watch_time, "watch_time")
        duration = _stated(labeler, duration, "duration")
        found = _explicit(labeler, explicit, table)
        longest = np.quantile(table.numeric(duration, minimum=0), 0.95)
        if longest <= SHORTEST:
            raise ValueError(
                f"the axes go from {SHORTEST:g} s to the 95 % quantile of the "
                f"durations, which is {longest:g} s."
            )
        seconds = np.geomspace(SHORTEST, longest, n_points)
        grid = np.meshgrid(seconds, seconds, indexing="ij")
        columns = {watch_time: grid[0].ravel(), duration: grid[1].ravel()}
        labels = [
            _labels(labeler, _rows(table, columns | dict.fromkeys(found, value)))
            for value in ([0, 1] if found else [0])
        ]
        return cls(seconds, np.reshape(labels, (-1, n_points, n_points))).plot(
            axes, **kwargs
        )

    def plot(self, axes=None, **kwargs):
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
        if self.colorbar_.ax.get_yscale() == "log":
            _write_plainly(self.colorbar_.ax.yaxis)
        return self


def _stated(labeler, key, role):
    """The column of a role: as given, as the labeler states it, or its default."""
    return getattr(labeler, role, role) if key is None else key


def _explicit(labeler, keys, table):
    """The columns of explicit feedback that are set to 0 and to 1."""
    if keys is not None:
        return [table.canonical(key) for key in keys]
    used = getattr(labeler, "explicit_", getattr(labeler, "explicit", USUAL))
    return [key for key in used if key in table]


def _rows(table, columns):
    """The first row of a log over and over, but for what `columns` hold."""
    columns = pd.DataFrame({table.canonical(key): v for key, v in columns.items()})
    rows = table.rows(np.zeros(len(columns), dtype=int))
    if isinstance(rows.data, np.ndarray):
        grid = rows.data.astype(float)
        grid[:, list(columns)] = columns
        return grid
    others = Table(rows.data.drop(list(columns)))
    both = as_table(join(others, as_table(columns)))
    return both.data.select(table.keys).to_native()


def _labels(labeler, rows):
    labels = np.asarray(labeler.transform(rows), dtype=float).reshape(len(rows), -1)
    if labels.shape[1] != 1:
        raise ValueError(
            f"one label per impression can be drawn, got {labels.shape[1]}."
        )
    return labels


def _colors(labels, norm=None, cmap="viridis", **kwargs):
    """One scale of colours for all labels, by decades if they span many."""
    low, high = labels.min(), labels.max()
    if norm is None:
        norm = "log" if low > 0 and high > low * 10**DECADES else "linear"
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
