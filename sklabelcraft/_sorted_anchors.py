"""The soft top-k on k + 1 anchors: one for each shown rank, and one for the rest.

P_ij = softmax over j = 0..k of (j s_i / tau + h_j), with h_0 = 0 and every column
j >= 1 summing to 1; alpha_i = 1 - P_i0. The k potentials h minimise a convex function,
which Newton's method solves to convergence in float64.
"""

import math

import torch

REACH = 16  # ranks beyond the k-th that are looked at first
MAX_STEPS = 100
TOLERANCE = 1e-11  # of the column sums
RIDGE = 1e-14  # where no entry is between two anchors, nothing depends on h
LONGEST_STEP = 8.0


class SortedTopK(torch.autograd.Function):
    """Soft top-k of each row of `scores`, (L, n), with a whole k and tau of (L, 1)."""

    @staticmethod
    def forward(ctx, scores, k, tau):
        size = (scores > -torch.inf).sum(1)
        alpha = ((scores > -torch.inf) & (k > 0)).to(scores)
        solve = torch.nonzero((size > k) & (k > 0))[:, 0]
        saved = ()
        if len(solve):
            plan, index = _transport(scores[solve], k, tau[solve].double(), REACH)
            alpha[solve] = 0.0
            alpha[solve[:, None], index] = (1 - plan[..., 0]).to(scores)
            saved = plan, index, solve, tau
        ctx.save_for_backward(*saved)
        return alpha

    @staticmethod
    def backward(ctx, grad):
        if torch.is_grad_enabled():
            raise NotImplementedError("method='sorted' can be derived only once.")
        gradient = torch.zeros_like(grad)
        if not ctx.saved_tensors:
            return gradient, None, None
        plan, index, solve, tau = ctx.saved_tensors
        rows = solve[:, None]
        left_out, shown = plan[..., :1], plan[..., 1:]
        ranks = torch.arange(1, plan.shape[-1]).to(plan)
        mean_rank = shown @ ranks[:, None]
        weight = grad[rows, index].double()[..., None] * left_out
        potential = _solve(shown, (weight * shown).sum(1))
        spread = (shown * (ranks - mean_rank)) @ potential[..., None]
        change = (weight * mean_rank - spread)[..., 0] / tau[solve].double()
        gradient[rows, index] = change.to(grad)
        return gradient, None, None


def _transport(scores, k, tau, reach):
    """Plan (L, w, k + 1) of the w entries of each list that matter, and their index."""
    width = min(scores.shape[1], k + reach)
    ordered, index = scores.double().topk(width)
    y = (ordered - ordered[:, k - 1 : k]) / tau
    ends = (y[:, :k] + y[:, 1 : k + 1]) / 2  # between one rank and the next
    h = -ends.flip(1).cumsum(1)
    ranks = torch.arange(1, k + 1).to(y)
    h = _newton(y, h, ranks)
    plan = _plan(y, h, ranks)
    far = math.log(torch.finfo(y.dtype).eps)
    if width < scores.shape[1] and (plan[:, -1, 1:].sum(1).log() > far).any():
        return _transport(scores, k, tau, 4 * reach)
    return plan, index


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
