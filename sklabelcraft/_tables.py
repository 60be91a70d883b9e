"""What users may give as a log, as its feedback and as other tables."""

from typing import TypeAlias

from narwhals.typing import IntoDataFrame, IntoDataFrameT, IntoSeries
from numpy.typing import ArrayLike

from sklabelcraft._typing import PathLike

Frame: TypeAlias = IntoDataFrame
FrameT = IntoDataFrameT  # returned in the library in which it was given
LogLike: TypeAlias = Frame | ArrayLike | PathLike  # a path: a folder of Parquet
TargetLike: TypeAlias = Frame | IntoSeries | ArrayLike
