"""What one pass over the labels and weights of a log shows."""

import hashlib

import numpy as np


class Overview:
    """The ends of each label where it counts, and how much it does.

    Parameters
    ----------
    log : Log or StoredLog
        The rows.
    labels : Labels
        What has their labels, NaN where one is not known.
    weights : Weights
        What has their weights.

    Attributes
    ----------
    least, largest : float64 ndarray of shape (n_labels,)
        The ends; 0 of a label that counts on no row.
    means : float64 ndarray of shape (n_labels,)
        Mean weight of each label, which is 0 where it is not known.
    told : str
        A short text that differs where any label does, or any weight.
    """

    def __init__(self, log, labels, weights):
        ends, total, digest = [], 0.0, hashlib.blake2b(digest_size=8)
        keys = [*labels.names, *weights.names] if labels.names else None
        for part in log.parts(keys):
            found, counts = counting(labels.of(part).numpy(), weights.of(part))
            ends.append((np.fmin.reduce(found), np.fmax.reduce(found)))
            total = total + counts.sum(axis=0)
            digest.update(found.data)
            digest.update(counts.data)
        least, largest = zip(*ends, strict=True)
        self.least = np.nan_to_num(np.fmin.reduce(least))
        self.largest = np.nan_to_num(np.fmax.reduce(largest))
        self.means, self.told = total / len(log), digest.hexdigest()

    def check_any_known(self):
        """Check that some label counts on some row."""
        if not self.means.any():
            raise ValueError(
                "all labels are missing on all training rows that have a weight: there "
                "is nothing to go on with."
            )

    def check_known(self, names):
        """Check that each label counts on some row.

        Parameters
        ----------
        names : sequence of str
            Names of the labels; empty if they are known by their numbers.

        Raises
        ------
        ValueError
            If one is not; it is named.
        """
        unknown = np.flatnonzero(self.means == 0)
        if len(unknown):
            first = unknown[0]
            name = repr(names[first]) if names else f"{first}, counted from 0,"
            raise ValueError(
                f"label {name} is missing on all training rows that have a weight: at "
                "least one of each label must be known."
            )


def counting(labels, weights):
    """Labels, NaN where one does not count, and what each counts for.

    Parameters
    ----------
    labels : float64 ndarray of shape (n, n_labels)
        The labels, NaN where one is not known.
    weights : float64 ndarray of shape (n,)
        The weights of the rows.

    Returns
    -------
    labels, weights : float64 ndarray of shape (n, n_labels)
    """
    counts = ~np.isnan(labels) * weights[:, None]
    return np.where(counts > 0, labels, np.nan), counts
