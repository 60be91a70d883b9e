"""Data frames with a user and an item in each row, made of a table of each."""

import narwhals as nw


class Pairs:
    """Users and items, any of which can stand side by side.

    Parameters
    ----------
    users, items : Log
        A table of each, of the same library.
    names : sequence of str
        The columns of a pair, in their order, as far as they are in a table.

    Raises
    ------
    ValueError
        If a column is in both tables, or these are of different libraries.
    """

    def __init__(self, users, items, names):
        tables = [nw.from_native(log.native, eager_only=True) for log in (users, items)]
        kinds = [table.implementation for table in tables]
        if kinds[0] != kinds[1]:
            raise ValueError(
                "X_users and items must be data frames of one library, got "
                f"{kinds[0].name.lower()} and {kinds[1].name.lower()}."
            )
        self._backend = kinds[0]
        there = [[name for name in names if name in t.columns] for t in tables]
        for name, own in zip(("X_users", "items"), there, strict=True):
            if not own:
                raise ValueError(
                    f"{name} have none of {list(names)}, which the recommender knows."
                )
        twice = [name for name in there[0] if name in there[1]]
        if twice:
            raise ValueError(
                f"the columns {twice} are in X_users and in items; each belongs to one."
            )
        self._names = [name for name in names if name in there[0] + there[1]]
        self._tables = [t.select(own) for t, own in zip(tables, there, strict=True)]

    def at(self, users, items, **further):
        """The users and items at some positions side by side, as a data frame.

        Parameters
        ----------
        users, items : int ndarray of shape (n,)
            The positions in the tables.
        **further : ndarray of shape (n,)
            Further columns by name.
        """
        rows = zip(self._tables, (users, items), strict=True)
        sides = [nw.maybe_reset_index(table[index]) for table, index in rows]
        pairs = nw.concat(sides, how="horizontal").select(self._names)
        added = (
            nw.new_series(name, values, backend=self._backend)
            for name, values in further.items()
        )
        return pairs.with_columns(*added).to_native()
