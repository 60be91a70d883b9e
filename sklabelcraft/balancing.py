"""How the platform's objectives are balanced against each other.

A balancing rule maps the objectives and, if it asks for them, the inner products of
their gradients to weights: ``rule(values, gram)``, with `values` a tensor of shape
(n_objectives,) and ``gram()`` one of shape (n_objectives, n_objectives), the products
of the objectives' gradients in the scores of the held-out rows. The labels move along
the gradient of the weighted sum, whose weights carry no gradient.

The weightings of ``torchjd``, such as those of IMTL-G and Aligned-MTL, map the same
inner products to weights. With ``weighting = torchjd.aggregation.IMTLGWeighting()``,
the rule is ``lambda values, gram: weighting(gram())``. One that remembers earlier
steps, such as ``GradVacWeighting``, should be made anew for each fit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from sklabelcraft._numbers import power_of_two, real


@dataclass(frozen=True)
class SoftmaxBalancing:
    """Weigh the objectives o by softmax(-tau o): the one that lags counts most.

    Parameters
    ----------
    tau : float, default=0.5
        Sharpness; 0 weighs all equally (the ablation "without balancing").

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> import torch
    >>> from sklabelcraft.balancing import SoftmaxBalancing
    >>> SoftmaxBalancing(tau=0.0)(torch.tensor([1.0, 3.0]))
    tensor([0.5000, 0.5000])
    """

    tau: float = 0.5

    def __post_init__(self):
        object.__setattr__(self, "tau", real(self.tau, "tau"))

    def __call__(
        self, values: Tensor, gram: Callable[[], Tensor] | None = None
    ) -> Tensor:
        """Weights of the objectives.

        Parameters
        ----------
        values : tensor of shape (n_objectives,)
            The objectives.
        gram : callable, default=None
            Ignored.

        Returns
        -------
        tensor of shape (n_objectives,)
            Nonnegative weights that sum to 1.

        Raises
        ------
        ValueError
            If an objective, or its product with `tau`, is not finite.
        """
        sharpened = -self.tau * values.detach()
        _check_finite(sharpened, f"the objectives times tau={self.tau:g}")
        return torch.softmax(sharpened, 0)


@dataclass(frozen=True)
class MinNormBalancing:
    """Weigh the objectives so that their summed gradient is as short as can be (MGDA).

    That direction raises every objective alike, or no direction raises all.

    References
    ----------
    .. [1] Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization",
       NeurIPS 2018, of which this is the bound by the gradients in the scores.

    Examples
    --------
    >>> import torch
    >>> from sklabelcraft.balancing import MinNormBalancing
    >>> gradients = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> MinNormBalancing()(torch.ones(2), lambda: gradients @ gradients.T)
    tensor([0.8000, 0.2000])
    """

    def __call__(self, values: Tensor, gram: Callable[[], Tensor]) -> Tensor:
        """Weights of the objectives.

        Parameters
        ----------
        values : tensor of shape (n_objectives,)
            The objectives.
        gram : callable
            Returns the inner products of their gradients, a tensor of shape
            (n_objectives, n_objectives).

        Returns
        -------
        tensor of shape (n_objectives,)
            Nonnegative weights that sum to 1.

        Raises
        ------
        ValueError
            If an inner product is not finite.
        """
        products = _relative(gram()).double().cpu().numpy()
        # min |G'w| with w >= 0 and sum w = 1 is, up to its scale, a least-squares
        # problem: min |G'w|^2 + (s sum w - s)^2, with w >= 0, for any s > 0
        scale = max(np.trace(products), np.finfo(float).tiny)
        square = products / scale + 1.0
        weights, _ = nnls(*_as_least_squares(square, np.ones(len(square))))
        return torch.as_tensor(weights / weights.sum()).to(values)


@dataclass(frozen=True)
class ConflictFreeBalancing:
    """Take out of each gradient what goes against another one, and sum (PCGrad).

    The objectives are gone through in their order, not at random.

    References
    ----------
    .. [1] Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020.

    Examples
    --------
    >>> import torch
    >>> from sklabelcraft.balancing import ConflictFreeBalancing
    >>> gradients = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    >>> ConflictFreeBalancing()(torch.ones(2), lambda: gradients @ gradients.T)
    tensor([1.0000, 0.7500])
    """

    def __call__(self, values: Tensor, gram: Callable[[], Tensor]) -> Tensor:
        """Weights of the objectives.

        Parameters
        ----------
        values : tensor of shape (n_objectives,)
            The objectives.
        gram : callable
            Returns the inner products of their gradients, a tensor of shape
            (n_objectives, n_objectives).

        Returns
        -------
        tensor of shape (n_objectives,)
            Nonnegative weights, each objective's share in the mean of the projected
            gradients.

        Raises
        ------
        ValueError
            If an inner product is not finite.
        """
        products = _relative(gram())
        n = len(products)
        mixed = torch.eye(n).to(products)  # the projected gradients by their origins
        for i, row in enumerate(mixed):
            for j in range(n):
                against = row @ products[j]
                if j != i and against < 0:
                    row[j] -= against / products[j, j]
        return mixed.mean(0).to(values)


def _relative(products):
    """Inner products relative to a power of two near the largest, so to say units."""
    _check_finite(products, "the inner products of the gradients")
    return products / float(power_of_two(products.abs().max().item()))


def _check_finite(numbers, name):
    if not numbers.isfinite().all():
        raise ValueError(f"{name} must be finite, got {numbers.tolist()}.")


def _as_least_squares(square, linear):
    """The matrix A and vector b with A'A = `square` and A'b = `linear`."""
    values, vectors = np.linalg.eigh(square)
    roots = np.sqrt(values.clip(min=np.finfo(float).eps * values.max()))
    return roots[:, None] * vectors.T, (vectors.T @ linear) / roots
