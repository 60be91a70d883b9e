"""The soft top-k on k + 1 anchors: one for each shown rank, and one for the rest.

P_ij = softmax over j = 0..k of (j s_i / tau + h_j), with h_0 = 0 and every column
j >= 1 summing to 1; alpha_i = 1 - P_i0. The k potentials h minimise a convex function,
which Newton's method solves to convergence in float64.
"""

import math

import torch

from sklabelcraft.topk._inputs import any_masked
from sklabelcraft.topk._transforms import forward_again, is_plain, over_lists

REACH = 16  # ranks beyond the k-th that are looked at first
MAX_STEPS = 100
TOLERANCE = 1e-11  # of the column sums
RIDGE = 1e-14  # where no entry is between two anchors, nothing depends on h
LONGEST_STEP = 8.0
FARTHEST = 1e30  # temperatures
ONLY_ONCE = "method='sorted' can be derived only once."
NOT_IN_K = "method='sorted' takes whole k, and cannot be differentiated in k."


class SortedTopK(torch.autograd.Function):
    """Soft top-k of each row of `scores`, (L, n), with k and tau of shape (L, 1).

    k is whole, and the same for all. Returns the indicator and, without a derivative,
    the potentials, (L, min(k, n)), which are 0 where there is nothing to be solved.
    """

    @staticmethod
    def forward(scores, k, tau):
        any_masked(scores)
        k = min(max(0, int(k[0, 0]) if len(k) else 0), scores.shape[1])
        solve = _to_be_solved(scores, k)
        alpha = ((scores > -torch.inf) & (k > 0)).to(scores)
        potentials = scores.new_zeros((len(scores), k), dtype=torch.float64)
        if len(solve):
            h, plan, index = _transport(scores[solve], k, tau[solve].double(), REACH)
            alpha[solve] = 0.0
            alpha[solve[:, None], index] = (1 - plan[..., 0]).to(scores)
            potentials[solve] = h
        return alpha, potentials

    @staticmethod
    def setup_context(ctx, inputs, output):
        (scores, _, tau), (alpha, potentials) = inputs, output
        if ctx.needs_input_grad[1]:
            raise ValueError(NOT_IN_K)
        ctx.mark_non_differentiable(potentials)
        ctx.set_materialize_grads(False)
        ctx.save_for_forward(scores, tau, alpha, potentials)
        ctx.save_for_backward(scores, tau, alpha, potentials)

    @staticmethod
    def backward(ctx, grad, _):
        if grad is None:
            return None, None, None
        scores, tau, alpha, _ = ctx.saved_tensors
        if torch.is_grad_enabled() and is_plain(alpha):  # torch.func always enables it
            raise NotImplementedError(ONLY_ONCE)
        (to_scores,) = SortedDerivative.apply(*ctx.saved_tensors, grad, True)
        to_tau = None
        if ctx.needs_input_grad[2]:
            to_tau = to_scores * _offsets(scores, tau, alpha)
            to_tau = -to_tau.sum(1, keepdim=True)
        return to_scores, None, to_tau

    @staticmethod
    @forward_again
    def jvp(saved, scores_along, k_along, tau_along):
        if k_along is not None:
            raise ValueError(NOT_IN_K)
        scores, tau, alpha, _ = saved
        along = torch.zeros_like(alpha) if scores_along is None else scores_along
        if tau_along is not None:
            along = along - _offsets(scores, tau, alpha) * tau_along
        (change,) = SortedDerivative.apply(*saved, along, False)
        return change, None

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return over_lists(SortedTopK, info, in_dims, *inputs)


class SortedDerivative(torch.autograd.Function):
    """The derivative of the indicator in the scores along a direction, (L, n).

    If `transposed`, the gradient in the scores instead. Returns a tuple of one.
    """

    @staticmethod
    def forward(scores, tau, alpha, potentials, along, transposed):
        change = torch.zeros_like(alpha)
        solve = _to_be_solved(scores, potentials.shape[1])
        if len(solve):
            own = (x[solve] for x in (scores, tau, alpha, potentials))
            plan, index = _plan_again(*own)
            rows = solve[:, None]
            apply = _pull if transposed else _push
            found = apply(plan, along[rows, index].double()) / tau[solve].double()
            change = change.index_put((rows, index), found.to(change.dtype))
        return (change,)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise NotImplementedError(ONLY_ONCE)

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError(ONLY_ONCE)

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return over_lists(SortedDerivative, info, in_dims, *inputs)


def _to_be_solved(scores, k):
    """Lists that are neither shown whole nor not at all."""
    size = (scores > -torch.inf).sum(1)
    return ((size > k) & (k > 0)).nonzero()[:, 0]


def _offsets(scores, tau, alpha):
    """The scores counted from the middle of the boundary, in units of tau."""
    finite = scores.where(scores > -torch.inf, 0)
    slope = (alpha * (1 - alpha)).clamp(min=torch.finfo(alpha.dtype).tiny)
    centre = (slope * finite).sum(1, keepdim=True) / slope.sum(1, keepdim=True)
    return _in_units(finite, centre, tau)


def _pull(plan, grad):
    """The gradient in the scores, times tau, of some entries."""
    left_out, shown, ranks, mean_rank = _parts(plan)
    weight = grad[..., None] * left_out
    potential = _solve(shown, (weight * shown).sum(1))
    spread = (shown * (ranks - mean_rank)) @ potential[..., None]
    return (weight * mean_rank - spread)[..., 0]


def _push(plan, along):
    """The change of the indicator, times tau, along a change of some scores."""
    left_out, shown, ranks, mean_rank = _parts(plan)
    along = along[..., None]
    potential = -_solve(shown, (shown * (ranks - mean_rank) * along).sum(1))
    return (left_out * (mean_rank * along + shown @ potential[..., None]))[..., 0]


def _parts(plan):
    """The column left out, the others, their ranks and the mean rank of each entry."""
    left_out, shown = plan[..., :1], plan[..., 1:]
    ranks = _ranks(plan, shown.shape[-1])
    return left_out, shown, ranks, shown @ ranks[:, None]


def _plan_again(scores, tau, alpha, potentials):
    """The plan of the entries that are shown at all, and their index."""
    k = potentials.shape[1]
    width = max(k, int((alpha != 0).sum(1).max()))
    y, index = _ordered(scores, k, tau.double(), width)
    return _plan(y, potentials, _ranks(y, k)), index


def _ordered(scores, k, tau, width):
    """The largest scores, counted from the k-th in units of tau, and their index."""
    ordered, index = scores.double().topk(width)
    return _in_units(ordered, ordered[:, k - 1 : k], tau), index


def _in_units(scores, centre, tau):
    """Scores counted from a centre in units of tau, of which sums are finite."""
    return ((scores - centre) / tau).clamp(-FARTHEST, FARTHEST)


def _ranks(y, k):
    return 1 + torch.arange(k, device=y.device).to(y)


def _transport(scores, k, tau, reach):
    """Potentials, and plan (L, w, k + 1) and index of the w entries that matter."""
    width = min(scores.shape[1], k + reach)
    y, index = _ordered(scores, k, tau, width)
    ends = (y[:, :k] + y[:, 1 : k + 1]) / 2  # between one rank and the next
    ranks = _ranks(y, k)
    h = _newton(y, -ends.flip(1).cumsum(1), ranks)
    plan = _plan(y, h, ranks)
    far = math.log(torch.finfo(y.dtype).eps)
    if width < scores.shape[1] and (plan[:, -1, 1:].sum(1).log() > far).any():
        return _transport(scores, k, tau, 4 * reach)
    return h, plan, index


def _logits(y, h, ranks):
    """Logits j y_i + h_j of anchors 1 to k, and 0 for the anchor of the rest."""
    shown = y[..., None] * ranks + h[:, None]
    return torch.cat([torch.zeros_like(shown[..., :1]), shown], dim=-1)


def _plan(y, h, ranks):
    return _logits(y, h, ranks).softmax(-1)


def _dual(y, h, ranks):
    """The convex function whose gradient is the excess of the column sums over 1."""
    return _logits(y, h, ranks).logsumexp(-1).sum(1) - h.sum(1)


def _newton(y, h, ranks):
    for _ in range(MAX_STEPS):
        shown = _plan(y, h, ranks)[..., 1:]
        excess = shown.sum(1) - 1
        if excess.abs().max() < TOLERANCE:
            break
        step = _solve(shown, excess).clamp(-LONGEST_STEP, LONGEST_STEP)
        h = _descend(y, h, step, excess, ranks)
    return h


def _descend(y, h, step, excess, ranks):
    """Step down, halving the step of the lists where that is too far."""
    value, slope = _dual(y, h, ranks), (excess * step).sum(1)
    size = torch.ones_like(value)
    for _ in range(20):
        reached = _dual(y, h - size[:, None] * step, ranks)
        rounding = 1e-14 * value.abs()
        too_far = reached > value - 1e-4 * size * slope + rounding
        if not too_far.any():
            break
        size = size.where(~too_far, size / 2)
    return h - size[:, None] * step


def _solve(shown, right):
    """Solve with the Hessian diag(column sums) - sum_i p_i p_i^T of each list."""
    hessian = torch.diag_embed(shown.sum(1) + RIDGE) - shown.mT @ shown
    return torch.linalg.solve(hessian, right)
