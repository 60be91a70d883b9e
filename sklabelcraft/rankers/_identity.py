"""What tells a fit from others: class, parameters and rows."""

import hashlib

from sklabelcraft._log import Log
from sklabelcraft.training import (
    Checkpoint,
    Window,
    check_agreed,
    fingerprint,
    without_addresses,
)

APART = ("device", "checkpoint", "every")  # what may differ between equal fits
WEIGHTS = "initial weights (random_state)"


def summary(estimator, model, logs, rows, before=None):
    """What processes that train together must have alike, by name.

    Parameters
    ----------
    estimator : estimator
        Its parameters.
    model : RankerModel
        Its initial weights, which the random state draws.
    logs : list of Log or StoredLog
        Rows to train on and, perhaps, held-out rows.
    rows : list
        The same, encoded: sources of windows, windows, or None.
    before : RankerModel or None
        What the fit goes on from.

    Returns
    -------
    dict
    """
    params = {"estimator": estimator} | estimator.get_params(deep=True)
    described = {
        name: type(value) if hasattr(value, "get_params") else value
        for name, value in params.items()
        if name.split("__")[-1] not in APART
    }
    names = "training rows", "held-out rows"
    for name, log, part in zip(names, logs, rows, strict=False):
        described[f"number of {name}"] = len(log)
        if isinstance(log, Log):
            described |= _fingerprints(name, part)
        else:
            described |= log.summary()
    if before is not None:
        described["what was learned before"] = _learned(before)
    return described | {WEIGHTS: fingerprint(model.module.parameters())}


def identity_of(known):
    """A short text for a summary, whatever the initial weights were."""
    kept = {name: value for name, value in known.items() if name != WEIGHTS}
    told = sorted((name, without_addresses(value)) for name, value in kept.items())
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def checkpoint_of(settings, known, trained, group, draws):
    """Where a fit is to be saved; it goes on from there, if it was killed.

    Parameters
    ----------
    settings : object
        The parameters of a ranker, as attributes.
    known : dict
        The summary of the fit.
    trained : Loop or Race
        What is to be saved.
    group : Alone or Processes
        The processes, the first of which writes.
    draws : bool
        Whether torch's own generator is drawn from in training.

    Returns
    -------
    Checkpoint or None
        None if there is no folder for it.
    """
    if settings.checkpoint is None:
        return None
    writes, identity = group.rank == 0, identity_of(known)
    checkpoint = Checkpoint(settings, identity, trained, writes, draws)
    checkpoint.resume()
    check_agreed(group, {"the place of the checkpoint in their folder": trained.place})
    return checkpoint


def _learned(model):
    """A short text for a model, and for the number of rows that it has learned from."""
    return f"{fingerprint(model.module.parameters())}, {model.encoder.n_rows} rows"


def _fingerprints(name, part):
    """Short texts for encoded rows: a source or a window, or impressions alone."""
    part = getattr(part, "source", part)  # of the new rows alone
    window = getattr(part, "only", part)
    impressions, targets = window if isinstance(window, Window) else (window, ())
    pasts = impressions.pasts
    encoded = impressions.codes, impressions.numeric, pasts.start, pasts.stop
    encoded += impressions.bags.codes, impressions.bags.lengths
    return {name: fingerprint(encoded), f"labels of {name}": fingerprint(targets)}
