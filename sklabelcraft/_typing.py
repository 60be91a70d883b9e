"""What public signatures are made of; shapes and units stand in the docstrings."""

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

NumbersLike: TypeAlias = ArrayLike | Tensor
Floats: TypeAlias = NDArray[np.floating[Any]]
PathLike: TypeAlias = str | os.PathLike[str]
Key: TypeAlias = str | int  # a column, by name or position
Keys: TypeAlias = Key | Sequence[Key]
RandomSource: TypeAlias = int | np.random.RandomState | None
Estimator: TypeAlias = Any  # scikit-learn tells no types of its own
