"""The Parquet files of a log: found, checked to be alike, and read group by group."""

import os
import re
from pathlib import PurePath

from sklabelcraft._frames import type_without_views

INDEX = re.compile(r"__index_level_\d+__")  # as pandas calls one that has no name


class File:
    """A Parquet file: its row groups, and what its folders say of all its rows.

    Parameters
    ----------
    path : str
        Where it lies.
    filesystem : pyarrow.fs.FileSystem
        What it lies in.
    constants : dict of pyarrow.Scalar
        Columns with one value, which stand in the names of folders, such as
        ``date=2024-01-31``.
    name : str
        Its path inside of the folder of all files.
    """

    def __init__(self, path, filesystem, constants, name):
        self.path, self.filesystem, self.name = path, filesystem, name
        self.constants, self.metadata = constants, None
        self.n_bytes = filesystem.get_file_info(path).size
        with self.opened() as file:
            self.metadata, schema = file.metadata, file.schema_arrow
        for key in schema.names:
            if schema.names.count(key) > 1 or key in constants:
                raise ValueError(
                    f"column {key!r} is there twice in {path}, or in it and in the "
                    "name of its folder."
                )
        self.own = _types(schema)
        self.types = self.own | {key: value.type for key, value in constants.items()}
        groups = map(self.metadata.row_group, range(self.metadata.num_row_groups))
        self.sizes = [group.num_rows for group in groups]

    def opened(self):
        """The file, read by pyarrow; an error that names it if it cannot be."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            source = self.filesystem.open_input_file(self.path)
            return pq.ParquetFile(source, metadata=self.metadata, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(
                f"{self.path} cannot be read as a Parquet file: {error}"
            ) from error

    def read(self, group, keys):
        """Some columns of a row group."""
        import pyarrow as pa

        with self.opened() as file:
            try:
                own = {key: self.own[key] for key in keys if key in self.own}
                table = file.read_row_group(group, columns=list(own))
                table = table.select(own).cast(pa.schema(own))
            except (OSError, pa.ArrowException) as error:
                raise ValueError(f"{self.path} cannot be read: {error}") from error
        for key in keys:
            if key in self.constants:
                values = pa.repeat(self.constants[key], self.sizes[group])
                table = table.append_column(key, values)
        return table.select(keys)

    @property
    def said(self):
        """The columns that its name says."""
        folders = PurePath(self.name).parts[:-1]
        return [key for key in self.constants if any(_says(f, key) for f in folders)]

    def footer(self):
        """What the file says of itself, statistics of its columns among that."""
        with self.filesystem.open_input_file(self.path) as file:
            file.seek(self.n_bytes - 8)
            size = int.from_bytes(file.read(4), "little")
            file.seek(self.n_bytes - 8 - size)
            return file.read(size)


def files_of(data):
    """The files of a data set, in the order of their paths, checked to be alike.

    Parameters
    ----------
    data : pyarrow.dataset.Dataset, str or path
        Parquet files, or the path to one or to a folder of them.

    Returns
    -------
    list of File
    """
    try:
        import pyarrow.dataset as ds
    except ImportError as error:
        raise ImportError(
            "logs in Parquet files are read by pyarrow: pip install pyarrow."
        ) from error

    if isinstance(data, str | os.PathLike):
        data = _data_set_at(os.path.expanduser(data), ds)
    _check_parquet(data, ds)
    root = os.path.commonpath([os.path.dirname(path) for path in data.files])
    files = [
        File(
            fragment.path,
            fragment.filesystem,
            _constants(fragment, data.schema, ds),
            os.path.relpath(fragment.path, root),
        )
        for fragment in sorted(data.get_fragments(), key=lambda f: f.path)
    ]
    for file in files[1:]:
        _check_same(file.types, file.path, files[0].types, files[0].path)
    stated = _types(data.schema)
    stated |= {k: t for k, t in files[0].types.items() if k in files[0].constants}
    _check_same(stated, "the schema of the data set", files[0].types, files[0].path)
    return files


def _says(folder, key):
    return folder.startswith(f"{key}=")


def _data_set_at(path, ds):
    import pyarrow as pa

    if not os.path.exists(path):
        raise ValueError(f"there is no file or folder {path!r} to read a log from.")
    try:
        return ds.dataset(path, format="parquet", partitioning="hive")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(
            f"{path!r} cannot be read as Parquet files: {error}"
        ) from error


def _check_parquet(data, ds):
    """Check that a data set consists of Parquet files as they are."""
    parquet = isinstance(data, ds.FileSystemDataset)
    if not parquet or data.format != ds.ParquetFileFormat():
        raise ValueError(
            "a log in files must be Parquet files, given as pyarrow.dataset.dataset("
            f"...) or by their path, got {data!r}."
        )
    filtered = getattr(data, "_scan_options", None)
    if filtered:
        raise ValueError(f"a data set must not be filtered, got {filtered}.")
    if not data.files:
        raise ValueError("there is no Parquet file in the folder or data set.")


def _constants(fragment, schema, ds):
    """What the names of its folders say of a file, by column."""
    import pyarrow as pa

    found = ds.get_partition_keys(fragment.partition_expression)
    kinds = {key: schema.field(key).type for key in found}
    return {
        key: pa.scalar(value, getattr(kinds[key], "value_type", kinds[key]))
        for key, value in found.items()
    }


def _types(schema):
    """Types of the columns by name, without an index that pandas wrote unasked."""
    kinds = {field.name: type_without_views(field.type) for field in schema}
    return {key: kind for key, kind in kinds.items() if not INDEX.fullmatch(key)}


def _check_same(types, where, first, there):
    for key in first | types:
        if first.get(key) != types.get(key):
            raise ValueError(
                f"column {key!r} is {types.get(key, 'nothing')} in {where} and "
                f"{first.get(key, 'nothing')} in {there}: all files must have the same "
                "columns."
            )
