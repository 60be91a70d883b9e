"""Whether the fits of a method would differ from seed to seed."""

from sklabelcraft._estimator import LogEstimator
from sklabelcraft.recommender import LabelCraftRecommender


def check_seeds(name, estimator, n_seeds):
    """Check that different seeds make different fits, where one is stated."""
    params = {"": estimator} | estimator.get_params()
    parts = [
        _around(path.split("__")[:-1], params)
        for path in params
        if path.split("__")[-1] == "random_state"
    ]
    is_stated = any(part[-1].random_state is not None for part in parts)
    if n_seeds > 1 and is_stated and not any(map(_is_open, parts)):
        raise ValueError(
            f"n_seeds={n_seeds} fits of {name!r} would be the same, as it states its "
            "random_state: leave that None, or set n_seeds=1."
        )


def _around(way, params):
    """A part and before it all that it is in, outermost first."""
    return [params["__".join(way[:n])] for n in range(len(way) + 1)]


def _is_open(parts):
    """Whether the last of these draws by a random state that none of them states."""
    *outer, part = parts
    is_recommender = isinstance(part, LabelCraftRecommender)
    if is_recommender and not (part.labeler is None or part.ranker is None):
        return False  # it draws nothing itself
    asked = [part, *(p for p in outer if isinstance(p, LogEstimator))]
    return all(getattr(p, "random_state", None) is None for p in asked)
