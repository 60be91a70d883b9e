"""CSV files in official layouts: what their columns hold, and how they are read.

Numbers are read as float64 and then checked and converted here, since what pandas does
with values out of a type's range depends on its version. A column in which a float64
may have lost a digit, or which has a fault, is read again as text.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

BLOCK = 2**20  # bytes looked at to recognise a file
CHUNK = 2**20  # rows held as float64 at a time
EXACT = 2**50  # below it, no rounding leads from one whole number to another


@dataclass(frozen=True)
class Kind:
    """What an official column holds.

    Parameters
    ----------
    wanted : str
        What each row must have, in the words of an error.
    dtype : str
        The type that the column gets.
    low, high : float, default=0, 0
        Smallest and largest number.
    optional : bool, default=False
        Whether values may be missing.
    missing : object, default=-1
        What stands for a missing value.
    """

    wanted: str
    dtype: str
    low: float = 0
    high: float = 0
    optional: bool = False
    missing: object = -1

    @property
    def is_text(self):
        """Whether the column holds text, which is never wrong."""
        return self.dtype == "str"

    @property
    def is_whole(self):
        """Whether the column holds whole numbers."""
        return self.dtype.startswith("int")

    def is_plain(self, values):
        """Whether all values, float64, are of this kind with all their digits."""
        known = values[~np.isnan(values)]
        if len(known) < len(values) and not self.optional:
            return False
        if not self.is_whole:
            return bool(((known >= self.low) & (known <= self.high)).all())
        low, high = max(self.low, -EXACT), min(self.high, EXACT)
        return bool(
            ((known >= low) & (known <= high) & (known == np.floor(known))).all()
        )

    def parse(self, text):
        """The number that a text, or nan, stands for; an error if it is none such."""
        if not isinstance(text, str):
            if self.optional:
                return self.missing
            raise ValueError("missing")
        number = Decimal(text.replace("_", "?"))  # Python's own 1_000 is no number here
        if not self.low <= number <= self.high:
            raise ValueError("out of range")
        if not self.is_whole:
            return float(number)
        if number != int(number):
            raise ValueError("a fraction")
        return int(number)


class Date(Kind):
    """Dates written as whole numbers, such as 20220504."""

    def is_plain(self, values):
        """Whether all values, float64, are dates."""
        distinct = pd.Series(values).dropna().drop_duplicates().map("{:.0f}".format)
        dates = pd.to_datetime(distinct, format="%Y%m%d", errors="coerce")
        return super().is_plain(values) and bool(dates.notna().all())

    def parse(self, text):
        """The date that a text, or nan, stands for; an error if it is none."""
        number = super().parse(text)
        if number != self.missing:
            datetime.strptime(str(number), "%Y%m%d")
        return number


ID = Kind("int64", "int64", -(2**63), 2**63 - 1)
OPTIONAL_ID = replace(ID, wanted="int64 or missing", optional=True)
FLAG = Kind("int8 from 0 to 127", "int8", 0, 127)
NUMBER = Kind(
    "a finite number or missing",
    "float64",
    *(np.finfo("float64").min, np.finfo("float64").max),
    optional=True,
    missing=np.nan,
)
DATE = Date(
    "a date such as 20220504 or missing", "int64", 19700101, 22001231, optional=True
)
SECONDS = replace(NUMBER, wanted="seconds since 1970 or missing", high=8e9)
MILLISECONDS = replace(NUMBER, wanted="milliseconds since 1970 or missing", high=8e12)
TEXT = Kind("text", "str", optional=True, missing="")


def read_files(folder, pattern, columns):
    """Read all files that match a pattern, one below the other.

    Parameters
    ----------
    folder : Path
        Where the files are.
    pattern : str
        What their names match.
    columns : dict of str to Kind
        The columns to read and what they hold; further columns are left out.

    Returns
    -------
    pandas.DataFrame
        The rows, in the order of the names of the files.

    Raises
    ------
    FileNotFoundError
        If no file matches.
    ValueError
        If a file is not of this layout; the error names the file and, of a wrong value,
        the column, the value and the row, counted from 1 below the header.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"no file {pattern} in {str(folder)!r}.")
    return pd.concat([_read(path, columns) for path in paths], ignore_index=True)


def _read(path, columns):
    try:
        _check_layout(path, columns)
        return _table(path, columns)
    except pd.errors.EmptyDataError as error:
        raise ValueError(
            f"{path.name} is empty; it must have the columns {list(columns)}."
        ) from error
    except (UnicodeError, pd.errors.ParserError) as error:
        raise ValueError(
            f"{path.name} must be a CSV file in UTF-8 with the columns "
            f"{list(columns)}: {error}."
        ) from error


def _check_layout(path, columns):
    """Refuse a file in UTF-16, without a column that is wanted, or cut off."""
    with path.open("rb") as file:
        if b"\0" in file.read(BLOCK):
            raise ValueError(
                f"{path.name} must be a CSV file in UTF-8 with the columns "
                f"{list(columns)}, but has zero bytes, as text in UTF-16 has."
            )
    there = list(pd.read_csv(path, nrows=0))
    for name in columns:
        if name not in there:
            raise ValueError(f"{path.name} has no column {name!r}; it has {there}.")
    _check_end(path, len(there))


def _check_end(path, n_fields):
    """Refuse a file whose last line has too few fields."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - BLOCK))
        _, line_break, last = file.read().rstrip().rpartition(b"\n")
    bare = re.sub(rb'"[^"]*"', b"", last)  # with an odd quote if a text has two lines
    fields = 1 + bare.count(b",")
    if line_break and b'"' not in bare and fields < n_fields:
        raise ValueError(
            f"{path.name} is cut off: its last line has {fields} fields of {n_fields}."
        )


def _table(path, columns):
    """All columns of a file, those that cannot be read quickly digit by digit."""
    try:
        table = _quickly(path, columns)
    except ValueError:  # a column of numbers has a text
        table = pd.DataFrame()
    for name, kind in columns.items():
        if name not in table:
            table[name] = _exactly(path, name, kind)
    if not len(table):
        raise ValueError(
            f"{path.name} has no rows; it must have some below the header {[*columns]}."
        )
    return table


def _quickly(path, columns):
    """The columns of which all rows are read for sure as they are in the file."""
    dtypes = {
        name: kind.dtype if kind.is_text else "float64"
        for name, kind in columns.items()
    }
    with pd.read_csv(
        path, usecols=list(columns), dtype=dtypes, chunksize=CHUNK
    ) as chunks:
        return pd.concat([_sure(chunk, columns) for chunk in chunks], join="inner")


def _sure(chunk, columns):
    """The columns of some rows, without those in which a digit may be lost or wrong."""
    sure = {
        name: chunk[name].fillna(kind.missing).astype(kind.dtype)
        for name, kind in columns.items()
        if kind.is_text or kind.is_plain(chunk[name].to_numpy())
    }
    return pd.DataFrame(sure, index=chunk.index)


def _exactly(path, name, kind):
    """One column, read as text; a value of another kind is an error."""
    texts = pd.read_csv(path, usecols=[name], dtype="str")[name]
    if kind.is_text:
        return texts.fillna(kind.missing)
    values = []
    for row, text in enumerate(texts, start=1):
        try:
            values.append(kind.parse(text))
        except (ArithmeticError, ValueError) as error:
            got = repr(text) if isinstance(text, str) else "missing"
            raise ValueError(
                f"{path.name}: column {name!r} must be {kind.wanted} in every row, but "
                f"is {got} in row {row}."
            ) from error
    return pd.Series(values, dtype=kind.dtype)
