"""Where in the plane of watch time and duration there are impressions."""

import numpy as np
from scipy.ndimage import binary_dilation

N_CELLS = 24  # of an axis, wide enough to hold impressions where there are any


def occupied(watch_time, duration, seconds):
    """Which points of the plane have impressions in their cell or in one beside it.

    Cells are of equal width in the logarithm. What lies before or beyond an axis counts
    at its end.

    Parameters
    ----------
    watch_time, duration : ndarray of shape (n,)
        Of the impressions, in seconds.
    seconds : ndarray of shape (n_points,)
        Ascending points of both axes.

    Returns
    -------
    bool ndarray of shape (n_points, n_points)
        Rows are watch times, columns durations.
    """
    edges = np.geomspace(seconds[0], seconds[-1], N_CELLS + 1)[1:-1]
    held = np.zeros((N_CELLS, N_CELLS), dtype=bool)
    held[np.digitize(watch_time, edges), np.digitize(duration, edges)] = True
    cells = np.digitize(seconds, edges)
    return binary_dilation(held, np.ones((3, 3)))[np.ix_(cells, cells)]
