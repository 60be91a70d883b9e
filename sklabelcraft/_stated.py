"""Columns that are stated must be there; only the usual names may be missing."""

from sklabelcraft.columns import USUAL_EXPLICIT

SCORED = "user", "item", "duration", "features"  # what impressions are scored by
BEFORE = *SCORED, "timestamp"  # what is known before the impression
AFTER = "watch_time", "explicit"  # its feedback


def check_stated(columns, log, roles):
    """Check that a log has every column that is stated for some roles.

    Parameters
    ----------
    columns : Columns
        Names of the columns.
    log : Log or StoredLog
        Where they are to be.
    roles : sequence of str
        The fields of `columns` that are looked at.

    Raises
    ------
    ValueError
        If another than the usual name is stated and is not there.
    """
    for role in roles:
        for key in _stated(columns, role):
            log.canonical(key, role)


def _stated(columns, role):
    value = getattr(columns, role)
    if role == "features":
        return value or ()
    if role == "explicit":
        return [key for key in value if key not in USUAL_EXPLICIT]
    return [] if columns.is_optional(role) else [value]
