"""What users may give as a log, as its feedback and as other tables."""

from typing import TypeAlias, TypeVar

from narwhals.typing import IntoDataFrame, IntoSeries
from numpy.typing import ArrayLike

from sklabelcraft._typing import PathLike

Frame: TypeAlias = IntoDataFrame
FrameT = TypeVar("FrameT", bound=IntoDataFrame)
LogLike: TypeAlias = Frame | ArrayLike | PathLike  # a path: a folder of Parquet
TargetLike: TypeAlias = Frame | IntoSeries | ArrayLike
