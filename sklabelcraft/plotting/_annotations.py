"""Names beside points, none on top of another."""

import numpy as np

DISTANCES = (10, 16, 24, 34, 46, 60, 80)  # points from mark to name, by preference
ANGLES = np.deg2rad([0, 90, 180, 270, 45, 135, 225, 315])
NEAR = DISTANCES[1]  # up to which it is plain what a name belongs to
FORBIDDEN = 1000  # times worse than to cross a thin bar is to cover anything else
MARK = 6  # points, half the width of what is kept free around a mark


def annotate_apart(ax, names, xy, bars):
    """Write names beside points, clear of each other, of the marks and of error bars.

    The limits of the axes are to be set before.

    Parameters
    ----------
    ax : Axes
        Where to write.
    names : list of str
        What to write.
    xy : ndarray of shape (n, 2)
        The points, in data coordinates.
    bars : ndarray of shape (n, 2)
        Half the lengths of their error bars.
    """
    figure = ax.figure.figure
    figure.draw_without_rendering()  # settles where the axes lie
    point = figure.dpi / 72
    texts = [_annotate(ax, name, at) for name, at in zip(names, xy, strict=True)]
    sizes = [text.get_window_extent().size for text in texts]
    marks = ax.transData.transform(xy)
    offsets = place(
        marks,
        np.array(sizes) + 2 * point,
        _boxes(marks, MARK * point),
        ax.bbox.extents,
        thin=_bars(ax, xy, bars),
        point=point,
    )
    for text, offset in zip(texts, offsets / point, strict=True):
        text.set_position(offset)
    for at, offset, size in zip(xy, offsets / point, sizes, strict=True):
        if np.any(np.abs(offset) > np.array(size) / point / 2 + NEAR):
            _lead(ax, at, offset)


def place(marks, sizes, taken, inside, *, thin=None, point=1.0):
    """From each mark to the centre of its text, so that texts cover nothing.

    The nearest free place is taken, the least covered if none is. A thin bar is crossed
    where the way around it is long.

    Parameters
    ----------
    marks, sizes : ndarray of shape (n, 2)
        Positions of the marks, and widths and heights of their texts, in pixels.
    taken : ndarray of shape (m, 4)
        Boxes to be kept free: left, bottom, right, top.
    inside : array-like of shape (4,)
        The box that texts should not leave.
    thin : ndarray of shape (n_thin, 4), default=None
        Bars that may be crossed.
    point : float, default=1.0
        Pixels of a point.

    Returns
    -------
    ndarray of shape (n, 2)
        In pixels.
    """
    directions = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]).round(6)
    thin = np.empty((0, 4)) if thin is None else thin
    offsets = []
    for mark, size in zip(marks, sizes, strict=True):
        steps = np.multiply.outer(DISTANCES, directions).reshape(-1, 2) * point
        way = np.repeat(DISTANCES, len(ANGLES)) * point
        steps = steps + np.sign(steps) * size / 2
        boxes = _boxes(mark + steps, size / 2)
        outside = size.prod() - _overlap(boxes, np.atleast_2d(inside)).sum(axis=1)
        covered = _overlap(boxes, taken).sum(axis=1) + outside
        crossed = _overlap(boxes, thin).sum(axis=1)
        best = np.argmin((FORBIDDEN * covered + crossed + 2 * point * way).round(3))
        offsets.append(steps[best])
        taken = np.vstack([taken, boxes[best]])
    return np.array(offsets)


def _boxes(centres, half):
    return np.hstack([centres - half, centres + half])


def _bars(ax, xy, bars):
    """Boxes around the horizontal and the vertical error bars, in pixels."""
    xy, bars = np.vstack([xy, xy]), np.vstack([bars * [1, 0], bars * [0, 1]])
    low, high = (ax.transData.transform(xy + side * bars) for side in (-1, 1))
    return np.hstack([low - 1, high + 1])


def _overlap(boxes, others):
    """Areas that boxes have in common with others."""
    boxes, others = boxes[:, None], others[None]
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., 2:], others[..., 2:])
    return (high - low).clip(0).prod(axis=-1)


def _annotate(ax, name, at):
    from matplotlib.patheffects import withStroke

    style = {"ha": "center", "va": "center", "zorder": 3}
    style["path_effects"] = [withStroke(linewidth=2, foreground="white")]
    return ax.annotate(name, at, xytext=(0, 0), textcoords="offset points", **style)


def _lead(ax, at, offset):
    """A thin line to a name that lies far from its mark."""
    line = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.7}
    ax.annotate(
        "", at, xytext=offset, textcoords="offset points", arrowprops=line, zorder=1.5
    )
