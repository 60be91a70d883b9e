"""Parquet files in official layouts: checked, read and written by batches of rows.

No more than a batch is held in memory, whatever the size of the file or its row groups.
"""

import os
from contextlib import contextmanager
from itertools import chain
from tempfile import TemporaryDirectory

import numpy as np

ROWS = 2**17  # of a batch, and of a row group that is written
BUFFER = 2**18  # bytes of a column that are read at a time


class ParquetTable:
    """A file with the columns of an official layout.

    Parameters
    ----------
    path : Path
        Where the file is.
    columns : dict of str to str
        The columns to read and their official types, such as "uint8" or "bool"; whole
        numbers may be stored as any type of whole numbers. Further columns are left
        out.

    Attributes
    ----------
    name : str
        The name of the file.
    n_rows : int
        How many rows it has.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not of this layout, or has no rows.
    """

    def __init__(self, path, columns):
        self.path, self.name, self.columns = path, path.name, columns
        if not path.is_file():
            raise FileNotFoundError(f"no file {path.name} in {str(path.parent)!r}.")
        with self._open() as file:
            self.n_rows = file.metadata.num_rows
            self._check(file.schema_arrow)

    def batches(self):
        """The rows in order, as dicts of arrays of the official types."""
        with self._open() as file:
            for batch in file.iter_batches(ROWS, columns=list(self.columns)):
                yield {name: self._values(batch[name], name) for name in self.columns}

    def read(self):
        """All rows, as a dict of arrays of the official types."""
        batches = list(self.batches())
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in self.columns
        }

    @contextmanager
    def _open(self):
        """The open file; an error in reading it names it."""
        pa = import_pyarrow()
        try:
            with pa.parquet.ParquetFile(
                self.path, buffer_size=BUFFER, pre_buffer=False
            ) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.name} must be a Parquet file with the columns "
                f"{list(self.columns)}, but cannot be read as one: {error}"
            ) from error

    def _check(self, schema):
        """Refuse a file without a column, with one of another kind, or without rows."""
        for name, wanted in self.columns.items():
            if name not in schema.names:
                raise ValueError(
                    f"{self.name} has no column {name!r}; it has {schema.names}."
                )
            got = str(schema.field(name).type)
            if got != wanted and not (_is_whole(got) and _is_whole(wanted)):
                raise ValueError(
                    f"{self.name}: column {name!r} must be {wanted}, got {got}."
                )
        if not self.n_rows:
            raise ValueError(
                f"{self.name} has no rows; it must have some with the columns "
                f"{list(self.columns)}."
            )

    def _values(self, column, name):
        """An array of the official type, from which nothing is missing."""
        pa, wanted = import_pyarrow(), self.columns[name]
        must = f"{self.name}: column {name!r} must be {wanted} in every row, but"
        if column.null_count:
            raise ValueError(f"{must} is missing in {column.null_count} of a batch.")
        try:
            return column.cast(wanted).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{must} holds others: {error}") from error


class Lookup:
    """The rows of a table by their ids; of several rows of an id, the first counts.

    Parameters
    ----------
    table : ParquetTable
        The table, which is read at once.
    key : str
        The column with the ids.
    """

    def __init__(self, table, key):
        self.name, self.key = table.name, key
        columns = table.read()
        order = np.argsort(columns[key], kind="stable")
        self.columns = {name: values[order] for name, values in columns.items()}
        self.ids = self.columns.pop(key)

    def join(self, ids, asker):
        """The other columns of the rows with these ids.

        Parameters
        ----------
        ids : array of shape (n,)
            Ids, each any number of times.
        asker : str
            The name of the file that they are from.

        Returns
        -------
        dict of str to array of shape (n,)
            The columns.

        Raises
        ------
        ValueError
            If an id is not in the table.
        """
        distinct, back = np.unique(ids, return_inverse=True)  # in order: 5 times faster
        rows = np.searchsorted(self.ids, distinct)
        absent = distinct != self.ids[np.minimum(rows, len(self.ids) - 1)]
        if absent.any():
            raise ValueError(
                f"{self.name} must have every {self.key} of {asker}, but lacks "
                f"{distinct[absent][0]}."
            )
        return {name: values[rows][back] for name, values in self.columns.items()}


def write_tables(path, tables):
    """Write tables as the row groups of a file, which is there whole or not at all.

    Parameters
    ----------
    path : Path
        Where the file is to be, in a folder that is there.
    tables : iterator of pyarrow.Table
        The row groups, at least one.

    Returns
    -------
    int
        How many rows they have.
    """
    pa, first, n_rows = import_pyarrow(), next(tables), 0
    others = [name for name in first.column_names if name != "timestamp"]
    with TemporaryDirectory(dir=path.parent, prefix=".") as hidden:
        unfinished = os.path.join(hidden, path.name)
        with pa.parquet.ParquetWriter(
            unfinished,
            first.schema,
            compression="zstd",
            use_dictionary=others,
            use_byte_stream_split=["timestamp"],  # 25 times smaller
        ) as writer:
            for table in chain([first], tables):
                writer.write_table(table)
                n_rows += len(table)
        os.replace(unfinished, path)
    return n_rows


def import_pyarrow():
    """The module pyarrow with its Parquet; an error says how to get it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "Parquet files are read by pyarrow, which is not installed; install it by "
            "`pip install pyarrow`."
        ) from error
    return pyarrow


def _is_whole(type_name):
    """Whether a type of Arrow's holds whole numbers."""
    return type_name.startswith(("int", "uint"))
