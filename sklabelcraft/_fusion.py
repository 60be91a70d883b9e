"""How scores of several recommenders are weighed, chosen on held-out lists.

Of a pool of weightings, each resample of the users has a best one; what is kept is the
mean of these. The pool grows around them, closer and closer.
"""

import numpy as np

N_FIRST, N_CLOSER = 200, 100  # weightings that are tried
SPARSE = 0.5  # of the first Dirichlet distribution: many weights near 0
CLOSER = (30, 100)  # of those around the best


def fuse(heads, judge, platforms, rng):
    """Weights of several scores, for each of several platforms.

    Parameters
    ----------
    heads : ndarray of shape (n_rows, n_heads)
        Scores of all rows, of one scale.
    judge : Judge
        Measures what lists they lead to.
    platforms : ndarray of shape (n_platforms, n_objectives)
        What a unit of each objective is worth to each.
    rng : RandomState
        Draws the weightings that are tried.

    Returns
    -------
    ndarray of shape (n_platforms, n_heads)
        None negative; those of a platform sum to 1. A constant head has weight 0.
    """
    alive = np.ptp(heads, axis=0) > 0
    found = np.zeros((len(platforms), len(alive)))
    if alive.any():
        found[:, alive] = _fuse(heads[:, alive], judge, platforms, rng)
    return found


def usual_platforms(n):
    """Weights of n objectives: 1 each, 3 for one or two of them, 9 for one."""
    one = np.eye(n, dtype=int)
    pairs = [one[i] + one[j] for i in range(n) for j in range(i)]
    extra = [0 * one[0], *(2 * one), *(2 * pair for pair in pairs), *(8 * one)]
    return [tuple((1 + more).tolist()) for more in extra]


def _fuse(heads, judge, platforms, rng):
    """The same of heads that all vary."""
    n_heads = heads.shape[1]
    tried = np.vstack(
        [
            np.full((1, n_heads), 1 / n_heads),  # of several that are best, the first
            np.eye(n_heads),
            rng.dirichlet(np.full(n_heads, SPARSE), N_FIRST),
        ]
    )
    found = _judged(heads, judge, platforms, tried)
    for closeness in CLOSER:
        best = tried[found.argmax(axis=0)].reshape(-1, n_heads)
        centres = best[rng.randint(len(best), size=N_CLOSER)]
        further = [rng.dirichlet(closeness * centre + SPARSE) for centre in centres]
        tried = np.vstack([tried, further])
        found = np.vstack([found, _judged(heads, judge, platforms, further)])
    return tried[found.argmax(axis=0)].mean(axis=0)


def _judged(heads, judge, platforms, weightings):
    """The worth of each weighting, (n_weightings, n_resamples, n_platforms)."""
    # einsum adds up in one order, whatever the number of threads
    scores = (np.einsum("ij,j->i", heads, weights) for weights in weightings)
    found = np.stack([judge(of_all) for of_all in scores])
    return judge.worth(found) @ platforms.T
