"""What one pass over the labels of a log shows."""

import hashlib

import numpy as np


class Overview:
    """The ends of each label where it is known, and how often it is.

    Parameters
    ----------
    log : Log or StoredLog
        The rows.
    labels : Labels
        What has their labels, NaN where one is not known.

    Attributes
    ----------
    least, largest : float64 ndarray of shape (n_labels,)
        The ends; 0 of a label that is known on no row.
    known : float64 ndarray of shape (n_labels,)
        Share of the rows where each label is known.
    told : str
        A short text that differs where any label does.
    """

    def __init__(self, log, labels):
        ends, known, digest = [], 0, hashlib.blake2b(digest_size=8)
        for part in log.parts(labels.names or None):
            found = labels.of(part).numpy()
            ends.append((np.fmin.reduce(found), np.fmax.reduce(found)))
            known = known + (~np.isnan(found)).sum(axis=0)
            digest.update(found.data)
        least, largest = zip(*ends, strict=True)
        self.least = np.nan_to_num(np.fmin.reduce(least))
        self.largest = np.nan_to_num(np.fmax.reduce(largest))
        self.known, self.told = known / len(log), digest.hexdigest()

    def check_known(self, names):
        """Check that each label is known on some row.

        Parameters
        ----------
        names : sequence of str
            Names of the labels; empty if they are known by their numbers.

        Raises
        ------
        ValueError
            If one is not; it is named.
        """
        unknown = np.flatnonzero(self.known == 0)
        if len(unknown):
            first = unknown[0]
            name = repr(names[first]) if names else f"{first}, counted from 0,"
            raise ValueError(
                f"label {name} is missing on all training rows: at least one of each "
                "label must be known."
            )
