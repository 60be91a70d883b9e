"""The log as Parquet files, of which a few row groups are held at a time."""

import hashlib
from itertools import pairwise
from os.path import expanduser
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sklabelcraft._log import Log
from sklabelcraft._parquet_files import files_of

PART_BYTES = 2**26  # in memory, of what is read at a time
NUMBER_BYTES = 8  # in memory, of any number, which is read as float64 or int64
TEXT_BYTES = 32  # in memory, of a value without a fixed width
# what a log without a row tells, too
OF_HEAD = {"canonical", "optional", "present"}
OF_HEAD |= {"is_continuous", "is_date", "is_nested", "lists"}


class StoredLog:
    """Row groups of Parquet files with the columns of a log.

    It has no values itself: ``parts()``, ``read(groups)`` and ``rows(positions)`` give
    some of its rows as a :class:`~sklabelcraft._log.Log`.

    Parameters
    ----------
    data : pyarrow.dataset.Dataset, str or path
        Parquet files, or the path to one or to a folder of them, which are read in the
        order of their names.

    Raises
    ------
    ValueError
        If a file cannot be read, or has other columns than the first; it is named.
    """

    def __init__(self, data):
        self.files = files_of(data)
        self.head = Log(_table_of(self.files[0]))
        groups = [(f, g) for f in self.files for g in range(len(f.sizes))]
        self._groups = groups
        self._ends = np.cumsum([f.sizes[g] for f, g in groups], dtype=np.int64)
        self._left_out = np.zeros(0, dtype=np.int64)
        if not len(self):
            raise ValueError(f"there is no row in {self.files[0].path} nor beside it.")

    def __len__(self):
        return int(self._ends[-1] if len(self._ends) else 0) - len(self._left_out)

    def __contains__(self, key):
        return key in self.head

    @property
    def native(self):
        """The columns, without any row."""
        return self.head.native

    @property
    def keys(self):
        """Names of the columns."""
        return self.head.keys

    def __getattr__(self, name):
        if name in OF_HEAD:
            return getattr(self.head, name)
        raise AttributeError(f"{type(self).__name__} has no {name}: read its parts.")

    def without(self, positions):
        """The log without the rows at some positions, ascending."""
        other = StoredLog.__new__(StoredLog)
        vars(other).update(vars(self))
        other._left_out = np.union1d(self._left_out, positions)
        return other

    def rows(self, positions):
        """The rows at some positions, ascending, which must fit into memory."""
        groups = np.unique(np.searchsorted(self._ends, positions, side="right"))
        parts = [self._rows_in(group, positions) for group in groups]
        return self._joined(parts or [(self.native, positions)])

    def in_memory(self):
        """All rows, which must fit into memory."""
        return self.read(range(len(self._groups)))

    def parts(self, keys=None, n_bytes=PART_BYTES):
        """All rows in order, some row groups at a time, with some columns or all."""
        named = keys is not None and all(isinstance(key, str) for key in keys)
        keys = [k for k in dict.fromkeys(keys) if k in self] if named else self.keys
        keys = keys or self.keys[:1]  # a table without columns has no rows
        for groups in self._cut(np.arange(len(self._groups)), n_bytes, keys):
            part = self.read(groups, keys)
            if len(part):
                yield part

    def plan(self, rng, n_bytes):
        """Row groups in random order, in windows of at most so many bytes.

        Returns
        -------
        list of ndarray
            The row groups of each window, ascending; none without a row.
        """
        order = rng.permutation(len(self._groups))
        order = order[self.sizes()[order] > 0]
        return [np.sort(part) for part in self._cut(order, n_bytes, self.keys)]

    def sizes(self):
        """How many rows of each row group are not left out."""
        bounds = np.searchsorted(self._left_out, [0, *self._ends])
        return np.diff(self._ends, prepend=0) - np.diff(bounds)

    def read(self, groups, keys=None):
        """The rows of some row groups, ascending, that are not left out."""
        parts = [self._rows_of(group, keys) for group in groups]
        return self._joined(parts)

    def write(self, to, columns_of):
        """Write all rows with further columns, file by file, under the same names.

        The folder gets its name when it is complete.

        Parameters
        ----------
        to : str or path
            A folder that does not exist yet.
        columns_of : callable
            Maps some rows, a :class:`~sklabelcraft._log.Log`, to further columns by
            name, ndarrays of shape (n,).

        Returns
        -------
        Path
            The folder.
        """
        to = Path(expanduser(to))
        if to.exists():
            raise ValueError(f"to={str(to)!r} exists already; it must be a new folder.")
        to.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as folder:
            new = Path(folder) / to.name
            for file in self.files:
                self._write_file(file, new / file.name, columns_of)
            new.replace(to)
        return to

    def _write_file(self, file, path, columns_of):
        import pyarrow.parquet as pq

        path.parent.mkdir(parents=True, exist_ok=True)
        own = [i for i, (other, _) in enumerate(self._groups) if other is file]
        writer = None
        try:
            for group in own:
                table = self._with_columns(self.read([group]), columns_of)
                table = table.drop_columns(file.said)
                writer = writer or pq.ParquetWriter(path, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()

    def _with_columns(self, log, columns_of):
        table = log.native
        for name, values in columns_of(log).items():
            if name in table.column_names:
                raise ValueError(
                    f"the log has a column {name!r} already, which is to be written."
                )
            table = table.append_column(name, [values])
        return table

    def summary(self):
        """What tells these rows from others, by the names of the files."""
        told = {file.name: _description(file) for file in self.files}
        return {"columns": str(self.native.schema)} | told

    def _cut(self, groups, n_bytes, keys):
        """Row groups, in their order, in runs of at most so many bytes, or of one."""
        widths = [_width(self.native.schema.field(key).type) for key in keys]
        width = sum(widths, start=NUMBER_BYTES)  # with the position of the row
        total = np.cumsum(np.diff(self._ends, prepend=0)[groups] * width)
        starts, begun = [], None
        for i, end in enumerate(total):
            if begun is None or end > begun + n_bytes:
                starts.append(i)
                begun = total[i - 1] if i else 0
        return [groups[i:j] for i, j in pairwise([*starts, len(groups)])]

    def _rows_of(self, group, keys=None):
        """What is not left out of a row group: a table, and the rows' positions."""
        start = self._ends[group - 1] if group else 0
        positions = np.arange(start, self._ends[group])
        out = self._left_out[
            slice(*np.searchsorted(self._left_out, [start, self._ends[group]]))
        ]
        table = self._table(group, keys)
        if len(out):
            kept = np.isin(positions, out, invert=True)
            table, positions = table.filter(kept), positions[kept]
        return table, positions

    def _rows_in(self, group, positions):
        """Of some positions the rows in a row group."""
        start = self._ends[group - 1] if group else 0
        ends = np.searchsorted(positions, [start, self._ends[group]])
        own = positions[slice(*ends)]
        return self._table(group).take(own - start), own

    def _table(self, group, keys=None):
        file, number = self._groups[group]
        return file.read(number, self.keys if keys is None else keys)

    def name_of(self, position):
        """A row of the log as messages name it."""
        group = int(np.searchsorted(self._ends, position, side="right"))
        file, _ = self._groups[group]
        first = next(i for i, (f, _) in enumerate(self._groups) if f is file)
        return f"{position - (self._ends[first - 1] if first else 0)} of {file.path}"

    def _joined(self, parts):
        """Tables with the positions of their rows as one log."""
        import pyarrow as pa

        table = pa.concat_tables([table for table, _ in parts]).combine_chunks()
        positions = np.concatenate([positions for _, positions in parts])
        return Log(table, positions, origin=self)


def _table_of(file):
    """The columns of a file, without any row."""
    import pyarrow as pa

    return pa.schema(list(file.types.items())).empty_table()


def _description(file):
    digest = hashlib.blake2b(file.footer(), digest_size=8).hexdigest()
    return f"{sum(file.sizes)} rows in {file.n_bytes} bytes, {digest}"


def _width(kind):
    """Bytes of a value in memory."""
    if hasattr(kind, "list_size"):
        return kind.list_size * _width(kind.value_type)
    try:
        return max(NUMBER_BYTES, kind.bit_width // 8)
    except ValueError:
        return TEXT_BYTES
