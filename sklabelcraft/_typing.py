"""What public signatures are made of; shapes and units stand in the docstrings."""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

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
F = TypeVar("F", bound=Callable[..., Any])


def typed(decorator: Callable[..., Any]) -> Callable[[F], F]:
    """A decorator of a library without types, which keeps those that it finds."""
    return decorator
