"""The names of a log's columns, stated once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral

from sklabelcraft._typing import Key

USUAL_EXPLICIT = ("like", "follow", "comment")  # of which some may be missing
FEEDBACK = frozenset(  # logged after the impression, by the names of the public logs
    [
        *USUAL_EXPLICIT,
        *("forward", "share", "favorite", "collect", "dislike", "hate"),
        *("click", "click_avatar", "profile_enter", "read_comment"),
        *("long_view", "search", "search_item_related", "label"),
    ]
)


@dataclass(frozen=True)
class Columns:
    """Which columns of a log hold what, by name or by position.

    It is stated on the outermost object, from which all parts inherit it. Positions of
    `watch_time` and `explicit` count in y where X and y are apart. What is stated must
    be there; a column under its usual name may be missing where it is not read. Later
    rows need the timestamp only where the network sees a past.

    Parameters
    ----------
    user, item : str, int or None, default="user_id", "item_id"
        Any values that can be keys. A user of None makes one list of all rows.
    duration : str, int or None, default="duration"
        Seconds, at least 0; None for rankers that do without.
    timestamp : str, int or None, default="timestamp"
        Numbers or dates that order the rows of a user; None for the order of the rows,
        which is also taken where there is no column under the usual name.
    watch_time : str or int, default="watch_time"
        Seconds, at least 0.
    explicit : sequence of str or int, default=("like", "follow", "comment")
        Explicit feedback, 0/1 or counts. Of the usual ones those present are used; an
        empty sequence does without. What is missing is not known, which is not 0: where
        no signal is above 0 and one is missing, nothing is learned or measured of it.
    features : sequence of str or int, default=None
        What a ranker sees; None for all that is known before the impression but the
        timestamp. Floating-point columns other than user and item are numbers, all
        others categories. A missing category is a category of its own. A missing number
        has the middle rank; of a column with missing ones in ``fit``, the network is
        told which they are. Of a log in one table, what is known before the impression
        is every column but the watch time, explicit feedback, columns of objectives,
        and columns under the usual names of feedback, such as "click" or "hate".
    lists : sequence of str or int, default=()
        Features that are texts such as "39,43" and hold several ids, here "39" and
        "43". Where it is not stated, such a text is one category.

    Raises
    ------
    ValueError
        If a name is neither a text nor a position.

    Notes
    -----
    Features whose values are lists need not be stated. Lists of floating-point numbers
    are vectors, all of one length, and each of their components is a number; lists of
    all else hold categories, any number of them in each row, whose embeddings are
    averaged. An empty or a missing list has an embedding of 0. A user's past, as
    :class:`DIN` sees it, holds no lists.

    Examples
    --------
    >>> from sklabelcraft import Columns, D2Q, LabelCraftRecommender
    >>> names = Columns(user="uid", watch_time="played", explicit=("thumb",))
    >>> recommender = LabelCraftRecommender(D2Q(), columns=names)
    """

    user: Key | None = "user_id"
    item: Key | None = "item_id"
    duration: Key | None = "duration"
    timestamp: Key | None = "timestamp"
    watch_time: Key = "watch_time"
    explicit: Sequence[Key] = USUAL_EXPLICIT
    features: Sequence[Key] | None = None
    lists: Sequence[Key] = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("explicit", "features", "lists"):
                value = _several(field.name, value)
                object.__setattr__(self, field.name, value)
            elif not (is_key(value) or (value is None and field.name != "watch_time")):
                raise ValueError(
                    f"{field.name} must be the name or position of a column, got "
                    f"{value!r}."
                )
        for role in ("user", "item", "duration", "timestamp"):
            if getattr(self, role) in self.lists:
                raise ValueError(
                    f"lists names {getattr(self, role)!r}, which is the {role} and "
                    "holds one value in each row."
                )

    def is_optional(self, role: str) -> bool:
        """Whether the column of a role may be missing where it is not needed.

        Parameters
        ----------
        role : str
            Such as ``"item"``.

        Returns
        -------
        bool
            False where another than the usual name is stated.
        """
        return getattr(self, role) in (None, getattr(type(self), role))


USUAL_ROLES = {  # by the usual name of the one column that holds it
    field.default: field.name
    for field in fields(Columns)
    if isinstance(field.default, str)
}


def is_key(value):
    """Whether a value can be the name or the position of a column."""
    return isinstance(value, str | Integral) and not isinstance(value, bool)


def _several(name, values):
    """A sequence of names as a tuple; features may be None."""
    if values is None and name == "features":
        return None
    is_array = hasattr(values, "__array__") and getattr(values, "ndim", 1) == 1
    several = isinstance(values, list | tuple) or is_array
    if not several or not all(is_key(value) for value in values):
        raise ValueError(
            f"{name} must be a sequence of names or positions of columns, got "
            f"{values!r}."
        )
    return tuple(values)
