"""The soft top-k on two anchors, sigmoid((s - t) / tau), and its derivatives."""

from inspect import signature

import torch
from torch.nn.functional import logsigmoid

from sklabelcraft.topk._chunks import chunks
from sklabelcraft.topk._indicator import indicator
from sklabelcraft.topk._negligible import negligible
from sklabelcraft.topk._transforms import forward_again, is_plain, over_lists


class TwoAnchorTopK(torch.autograd.Function):
    """Soft top-k of lists of scores, (1, L, n), for several k and tau, (K, L, 1).

    Returns the indicator, (K, L, n), and, without a derivative, the threshold in two
    parts of shape (K, L, 1): the score at the boundary, and from there the distance in
    units of tau.
    """

    @staticmethod
    def forward(scores, k, tau):
        return indicator(scores, k, tau)

    @staticmethod
    def setup_context(ctx, inputs, output):
        (scores, k, tau), (alpha, *threshold) = inputs, output
        ctx.mark_non_differentiable(*threshold)
        ctx.set_materialize_grads(False)
        further = scores, k, *threshold
        ctx.save_for_forward(alpha, tau, *further)
        needed = further if any(ctx.needs_input_grad[1:]) else ()
        ctx.save_for_backward(alpha, tau, *needed)

    @staticmethod
    def backward(ctx, grad, *_):
        if grad is None:
            return None, None, None
        alpha, tau, *further = ctx.saved_tensors
        _, of_k, of_tau = ctx.needs_input_grad
        share = _share(tau, *further) if of_k else None
        again = torch.is_grad_enabled() or not is_plain(alpha)
        gradient = TopKGradient.apply if again else TopKGradient.forward
        to_scores, mean = gradient(alpha, tau, share, grad)
        to_tau = _to_tau(to_scores, tau, *further) if of_tau else None
        to_scores = to_scores.sum(0, keepdim=True) if len(to_scores) > 1 else to_scores
        return to_scores, mean if of_k else None, to_tau

    @staticmethod
    @forward_again
    def jvp(saved, scores_along, k_along, tau_along):
        alpha, tau, *further = saved
        along = torch.zeros_like(alpha)
        if scores_along is not None:
            along = scores_along.expand_as(alpha)
        if tau_along is not None:
            along = along - _distance(tau, *further) * tau_along
        change, _ = TopKGradient.apply(alpha, tau, None, along)
        if k_along is not None:
            share = _derivable(_share(tau, *further), alpha)
            change = change + share * k_along.to(alpha.dtype)
        return change, None, None

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return over_lists(TwoAnchorTopK, info, in_dims, *inputs)


# torch asks for it in each call, which takes longer than all else of a call.
vars(TwoAnchorTopK.forward)["__signature__"] = signature(TwoAnchorTopK.forward)


class TopKGradient(torch.autograd.Function):
    """The derivative of the soft top-k in the scores, which is symmetric, times `grad`.

    That is v (g - m) / tau, with v = alpha (1 - alpha) and m the mean of g in which
    each entry weighs its share v / sum v. Returns it, (K, L, n), and m, (K, L, 1),
    which is the derivative in k. For that the share may be given, which alpha is too
    coarse for where it is close to 1.
    """

    @staticmethod
    def forward(alpha, tau, share, grad):
        if not is_plain(grad):
            slope, total = _slope(alpha)
            weight = slope / total if share is None else share
            mean = (weight * grad).sum(-1, keepdim=True)
            return slope * (grad - mean) / tau, mean
        gradient, mean = torch.empty_like(alpha), alpha.new_empty(*alpha.shape[:2], 1)
        tiny = torch.finfo(alpha.dtype).tiny
        given = () if share is None else (share,)
        for part in chunks(alpha, tau, grad, gradient, mean, *given):
            shown, width, g, out, m, *weight = part
            slope = torch.addcmul(shown, shown, shown, value=-1)
            torch.sum(torch.mul(slope, g, out=out), -1, keepdim=True, out=m)
            if weight:
                torch.sum(weight[0] * g, -1, keepdim=True, out=m)
            else:
                m.div_(slope.sum(-1, keepdim=True).clamp_(min=tiny))
            out.addcmul_(slope, m, value=-1).div_(width)
        return gradient, mean

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs, *output)
        ctx.save_for_backward(*inputs, *output)

    @staticmethod
    def backward(ctx, gradient_grad, mean_grad):
        alpha, tau, share, grad, gradient, mean = ctx.saved_tensors
        _, total = _slope(alpha)
        to_grad, mean_along = TopKGradient.apply(alpha, tau, share, gradient_grad)
        to_slope = (gradient_grad - mean_along) / tau + mean_grad / total
        to_alpha = (1 - 2 * alpha) * (grad - mean) * to_slope
        to_tau = -(gradient_grad * gradient).sum(-1, keepdim=True) / tau
        return to_alpha, to_tau, None, to_grad + mean_grad * _derivable(share, alpha)

    @staticmethod
    @forward_again
    def jvp(saved, alpha_along, tau_along, _share_along, grad_along):
        alpha, tau, share, grad, gradient, mean = saved
        slope, total = _slope(alpha)
        rise = (1 - 2 * alpha) * alpha_along * (grad - mean)
        mean_rise = rise.sum(-1, keepdim=True) / total
        change, mean_change = TopKGradient.apply(alpha, tau, share, grad_along)
        change = change + (rise - slope * mean_rise - gradient * tau_along) / tau
        return change, mean_change + mean_rise

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return over_lists(TopKGradient, info, in_dims, *inputs)


def _slope(alpha):
    """The slope of the sigmoid, v = alpha (1 - alpha), and its sum or else 1."""
    slope = alpha * (1 - alpha)
    total = slope.sum(-1, keepdim=True)
    return slope, total.where(total > 0, 1)


def _to_tau(to_scores, *threshold):
    """The gradient in tau, (K, L, 1), from that in the scores."""
    parts = chunks(to_scores, *threshold)
    moved = [(part * _distance(*own)).sum(-1, keepdim=True) for part, *own in parts]
    return -torch.cat(moved, dim=1)


def _distance(tau, scores, _k, boundary, z):
    """How far the scores are from the threshold in units of tau, within limits."""
    limit = negligible(scores.dtype)
    finite = scores.where(scores > -torch.inf, boundary)
    return ((finite - boundary) / tau - z).clamp(-limit, limit)


def _share(tau, scores, k, boundary, z):
    """The share of each entry in the sum of v, which is d alpha / dk, (K, L, n).

    From the scores, as every v may be too small for 1 - alpha to show it.
    """
    x = (scores - boundary) / tau - z
    size = (scores > -torch.inf).sum(-1, keepdim=True)
    share = (logsigmoid(x) + logsigmoid(-x)).softmax(-1)
    return share.where((k > 0) & (k < size), 0).detach()


def _derivable(share, alpha):
    """The share, with the derivatives that it has by alpha."""
    slope, total = _slope(alpha)
    own = slope / total
    return own if share is None else share + own - own.detach()
