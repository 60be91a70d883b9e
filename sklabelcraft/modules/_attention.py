"""Linear attention over the past, without the past ever lying in memory as a whole."""

from contextlib import nullcontext
from inspect import signature

import torch
from torch.nn.functional import embedding

from sklabelcraft.topk._transforms import forward_again, is_plain

CHUNK = 2**19  # embedded numbers at a time, so that they stay in the cache


class LinearAttention(torch.autograd.Function):
    """sum_t m_t (a + h_t . r) h_t for every seat (a, r) of every past.

    Inputs are a table of embedded past impressions, (n_distinct, d), the rows of it
    that make each past, (m, t), the mask m, (m, t), the directions r, (m, seats, d),
    and the offsets a, (m, seats, 1). The embedded past h, (m, t, d), is gathered anew
    in each pass, some pasts at a time. The precision is that of the table, also where
    ``torch.autocast`` is active.
    """

    @staticmethod
    def forward(table, rows, mask, direction, offset):
        out = torch.empty_like(direction, dtype=table.dtype)
        with full_precision(table):
            for *own, into in chunks(table, rows, mask, direction, offset, out):
                h, weights, *_ = _attend(table, *own)
                into.copy_(torch.bmm(weights, h))
        return out

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        first, *rest = AttentionGradient.apply(*ctx.saved_tensors, grad)
        return first, None, None, *rest

    @staticmethod
    @forward_again
    def jvp(saved, table_along, _rows, _mask, direction_along, offset_along):
        return _change(*saved, table_along, direction_along, offset_along)

    @staticmethod
    def vmap(info, in_dims, *inputs):
        inputs, (_, pasts) = _side_by_side(info, in_dims, *inputs)
        return LinearAttention.apply(*inputs).unflatten(0, pasts), 0


# torch asks for it in each call, which takes longer than all else of a call.
vars(LinearAttention.forward)["__signature__"] = signature(LinearAttention.forward)


class AttentionGradient(torch.autograd.Function):
    """Gradients of linear attention in the table, the directions and the offsets.

    Inputs are those of :class:`LinearAttention`, and the gradient that arrives there.
    """

    @staticmethod
    def forward(table, rows, mask, direction, offset, grad):
        if not is_plain(grad):
            return _gradient(table, rows, mask, direction, offset, grad)
        inputs = rows, mask, direction, offset, grad
        to_table = torch.zeros_like(table)
        to_direction = torch.empty_like(direction, dtype=table.dtype)
        to_offset = torch.empty_like(offset, dtype=table.dtype)
        with full_precision(table):
            for *own, up, d, o in chunks(table, *inputs, to_direction, to_offset):
                h, weights, mask, direction = _attend(table, *own)
                slope = torch.bmm(up, h.mT).mul_(mask)
                torch.bmm(slope, h, out=d)
                torch.sum(slope, 2, keepdim=True, out=o)
                to_h = torch.bmm(weights.mT, up).baddbmm_(slope.mT, direction)
                to_table.index_add_(0, own[0].flatten(), to_h.flatten(0, 1))
        return to_table, to_direction, to_offset

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, *along):
        *inputs, _ = ctx.saved_tensors
        first, *rest = _change_of_gradient(*ctx.saved_tensors, *along)
        return first, None, None, *rest, _change(*inputs, *along)

    @staticmethod
    @forward_again
    def jvp(
        saved, table_along, _rows, _mask, direction_along, offset_along, grad_along
    ):
        along = table_along, direction_along, offset_along
        curved = _change_of_gradient(*saved, *along)
        linear = AttentionGradient.apply(*saved[:-1], grad_along)
        return tuple(a + b for a, b in zip(curved, linear, strict=True))

    @staticmethod
    def vmap(info, in_dims, *inputs):
        inputs, (table, pasts) = _side_by_side(info, in_dims, *inputs)
        to_table, *rest = AttentionGradient.apply(*inputs)
        rest = (x.unflatten(0, pasts) for x in rest)
        return (to_table.unflatten(0, table), *rest), (0, 0, 0)


def full_precision(table):
    """A context in which products are not rounded, if otherwise they would be."""
    place = table.device.type
    if torch.is_autocast_enabled(place):
        return torch.autocast(place, enabled=False)
    return nullcontext()


def chunks(table, rows, *others):
    """The tensors other than the table in parts of some pasts each."""
    size = max(1, CHUNK // max(1, rows.shape[1] * table.shape[1]))
    return zip(*(x.split(size) for x in (rows, *others)), strict=True)


def _attend(table, rows, mask, direction, offset):
    """The embedded past, (c, t, d), and its weights, (c, seats, t).

    Further the mask, (c, 1, t), and the directions in that precision.
    """
    h = embedding(rows, table)
    mask, direction = mask.to(h.dtype)[:, None], direction.to(h.dtype)
    weights = torch.baddbmm(offset.to(h.dtype), direction, h.mT) * mask
    return h, weights, mask, direction


def _attend_along(h, h_along, mask, direction, direction_along, offset_along):
    """The change of the weights, along changes of what they are made of."""
    change = torch.baddbmm(offset_along.to(h.dtype), direction, h_along.mT)
    return torch.baddbmm(change, direction_along.to(h.dtype), h.mT) * mask


def _change(table, rows, mask, direction, offset, table_along, *along):
    """The change of the attention along one of table, directions and offsets."""
    found = []
    with full_precision(table):
        for *own, d, o in chunks(table, rows, mask, direction, offset, *along):
            h, weights, *used = _attend(table, *own)
            h_along = embedding(own[0], table_along)
            change = _attend_along(h, h_along, *used, d, o)
            found.append(torch.baddbmm(torch.bmm(weights, h_along), change, h))
    return torch.cat(found)


def _gradient(table, rows, mask, direction, offset, grad):
    """The gradients with all in memory, for a batch of them that arrive."""
    with full_precision(table):
        h, weights, mask, direction = _attend(table, rows, mask, direction, offset)
        slope = torch.bmm(grad, h.mT) * mask
        to_h = torch.bmm(weights.mT, grad) + torch.bmm(slope.mT, direction)
        to_direction = torch.bmm(slope, h)
    to_table = torch.zeros_like(table).index_add(
        0, rows.flatten(), to_h.reshape(-1, table.shape[1])
    )
    return to_table, to_direction, slope.sum(2, keepdim=True)


def _change_of_gradient(
    table, rows, mask, direction, offset, grad, table_along, direction_along, *rest
):
    """The change of the gradients for a given one that arrives, with all in memory."""
    with full_precision(table):
        h, _, *used = _attend(table, rows, mask, direction, offset)
        (mask, direction), direction_along = used, direction_along.to(h.dtype)
        h_along = embedding(rows, table_along)
        change = _attend_along(h, h_along, *used, direction_along, *rest)
        slope, slope_along = (torch.bmm(grad, x.mT) * mask for x in (h, h_along))
        to_direction = torch.bmm(slope_along, h) + torch.bmm(slope, h_along)
        to_h = torch.bmm(change.mT, grad) + torch.bmm(slope_along.mT, direction)
        to_h = (to_h + torch.bmm(slope.mT, direction_along)).reshape(-1, table.shape[1])
    to_table = torch.zeros_like(table).index_add(0, rows.flatten(), to_h)
    return to_table, to_direction, slope_along.sum(2, keepdim=True)


def _side_by_side(info, in_dims, *inputs):
    """The pasts of a batch of examples under vmap as pasts of one large table.

    And the sizes by which tables and pasts are told apart again.
    """
    size = info.batch_size
    table, rows, *others = (
        x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
        for x, dim in zip(inputs, in_dims, strict=True)
    )
    first = torch.arange(size, device=rows.device) * table.shape[1]
    sizes = table.shape[:2], rows.shape[:2]
    inputs = table, rows + first[:, None, None], *others
    return [x.flatten(0, 1) for x in inputs], sizes
