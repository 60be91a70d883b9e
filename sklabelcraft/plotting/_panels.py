"""What the displays share: colours, and axes to draw on."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklabelcraft._floats import as_floats

COLORS = {  # Okabe and Ito's, which the colour-blind can tell apart
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
MARKERS = "osD^vP"
N_COLUMNS = 4  # of panels, before a new row begins
LARGEST = 1e100  # number on an axis, of which matplotlib's sums stay finite


def need_matplotlib(cls, method):
    """Ask for matplotlib in the name of a display's method, before any work."""
    check_matplotlib_support(f"{cls.__name__}.{method}")


def panels(display, n, axes, size, **options):
    """Axes of `n` panels: those given, or new ones of `size` inches with a common y."""
    need_matplotlib(type(display), "plot")
    if axes is not None:
        axes = np.ravel(axes)
        if len(axes) != n:
            raise ValueError(f"{n} axes are to be drawn on, got {len(axes)}.")
        for ax in axes:
            check_axes(ax)
        return axes
    import matplotlib.pyplot as plt

    n_columns = min(n, N_COLUMNS)
    n_rows = -(-n // N_COLUMNS)
    size = size[0] * n_columns, size[1] * n_rows
    figure = plt.figure(figsize=size, layout="compressed")
    grid = figure.subplots(
        n_rows, n_columns, **{"sharey": True, "squeeze": False} | options
    )
    for ax in grid.flat[n:]:
        ax.remove()
    return grid.ravel()[:n]


def check_axes(ax):
    """Refuse to draw on anything but axes of matplotlib."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(f"what is drawn on must be matplotlib's Axes, got {ax!r}.")


def own_options(kwargs, artist, taken):
    """The user's options of what is drawn, by the full names that matplotlib has.

    Parameters
    ----------
    kwargs : dict
        The options, perhaps by their short names.
    artist : type
        The class of matplotlib that is drawn.
    taken : dict of str
        Options that the display sets itself, and why.
    """
    from matplotlib.cbook import normalize_kwargs

    options = normalize_kwargs(kwargs, artist)
    for name, why in taken.items():
        if name in options:
            raise ValueError(f"the option {name!r} cannot be stated: {why}.")
    return options


def check_drawable(values, name, *, gaps=False):
    """Refuse what no axis can show; what is not finite may be a gap."""
    values = as_floats(values, name)
    there = np.isfinite(values)
    if not gaps and not there.all():
        raise ValueError(f"{name} must be finite, got {values[~there][0]}.")
    largest = np.abs(values[there]).max(initial=0)
    if largest > LARGEST:
        raise ValueError(f"{name} can be drawn up to {LARGEST:g}, got {largest:g}.")


def leftmost(axes):
    """Those of the axes that have no other to their left."""
    specs = [ax.get_subplotspec() for ax in axes]
    return [
        ax
        for ax, spec in zip(axes, specs, strict=True)
        if spec is None or spec.is_first_col()
    ]
