"""What is said of what cannot be saved, or is not as it was saved."""

from reprlib import repr

JOBLIB = "use joblib, for files that you trust."


def require(condition, path, wanted, got):
    """Check what is read; the error says where it stands."""
    if not condition:
        raise ValueError(
            f"{path or 'the estimator'} must be {wanted}, got {repr(got)}."
        )


def refused(value, path):
    """The error of what cannot be saved."""
    kind = type(value)
    return TypeError(
        f"{path or 'the estimator'} cannot be saved, as {kind.__module__}."
        f"{kind.__qualname__} is not of this library: {repr(value)}; {JOBLIB}"
    )


def fields_of(node, path, *names):
    """The fields of a node, which must be just these."""
    found = isinstance(node, dict) and node.keys()
    require(found == set(names), path, f"an object of {list(names)}", node)
    return [node[name] for name in names]
