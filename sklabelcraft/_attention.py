"""Linear attention over the past, without the past ever lying in memory as a whole."""

import torch
from torch.nn.functional import embedding

CHUNK = 2**19  # embedded numbers at a time, so that they stay in the cache


class LinearAttention(torch.autograd.Function):
    """sum_t m_t (a + h_t . r) h_t for every seat (a, r) of every past.

    Inputs are a table of embedded past impressions, (n_distinct, d), the rows of it
    that make each past, (m, t), the mask m, (m, t), the directions r, (m, seats, d),
    and the offsets a, (m, seats, 1). The embedded past h, (m, t, d), is gathered anew
    in each pass, some pasts at a time.
    """

    @staticmethod
    def forward(ctx, table, rows, mask, direction, offset):
        inputs = table, rows, mask, direction, offset
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)
        out = torch.empty_like(direction, dtype=table.dtype)
        for *own, into in chunks(table, rows, mask, direction, offset, out):
            into.copy_(_in_memory(table, *own))
        return out

    @staticmethod
    def backward(ctx, grad):
        table, *inputs = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be derived a second time
            leaves = table, *inputs[2:]
            out = _in_memory(table, *inputs)
            first, *rest = torch.autograd.grad(out, leaves, grad, create_graph=True)
            return first, None, None, *rest
        to_table, to_direction = torch.zeros_like(table), torch.empty_like(inputs[2])
        to_offset = torch.empty_like(inputs[3])
        for *own, up, d, o in chunks(table, *inputs, grad, to_direction, to_offset):
            rows, mask, direction, _ = own
            h, weights = _attend(table, *own)
            slope = torch.bmm(up, h.mT).mul_(mask[:, None])
            torch.bmm(slope, h, out=d)
            torch.sum(slope, 2, keepdim=True, out=o)
            to_h = torch.bmm(weights.mT, up).baddbmm_(slope.mT, direction)
            to_table.index_add_(0, rows.flatten(), to_h.flatten(0, 1))
        return to_table, None, None, to_direction, to_offset

    @staticmethod
    def jvp(ctx, table_along, _rows, _mask, direction_along, offset_along):
        table, *inputs = ctx.saved_tensors
        out = torch.empty_like(inputs[2])
        parts = chunks(table, *inputs, direction_along, offset_along, out)
        for *own, along, offset, into in parts:
            rows, mask, direction, _ = own
            h, weights = _attend(table, *own)
            h_along = embedding(rows, table_along)
            change = torch.baddbmm(offset, direction, h_along.mT)
            change = torch.baddbmm(change, along, h.mT).mul_(mask[:, None])
            into.copy_(torch.baddbmm(torch.bmm(weights, h_along), change, h))
        return out


def chunks(table, rows, *others):
    """The tensors other than the table in parts of some pasts each."""
    size = max(1, CHUNK // max(1, rows.shape[1] * table.shape[1]))
    return zip(*(x.split(size) for x in (rows, *others)), strict=True)


def _in_memory(table, rows, mask, direction, offset):
    """The same, with the whole past in memory."""
    h, weights = _attend(table, rows, mask, direction, offset)
    return torch.bmm(weights, h)


def _attend(table, rows, mask, direction, offset):
    """The embedded past, (c, t, d), and its weights, (c, seats, t)."""
    h = embedding(rows, table)
    return h, torch.baddbmm(offset, direction, h.mT) * mask[:, None]
