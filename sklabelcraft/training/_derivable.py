"""Operations that torch derives in one way only, as others that it derives in all."""

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Derivable(TorchFunctionMode):
    """Bags of embeddings and attention are computed step by step.

    Their fused operations have neither a forward-mode derivative nor a second one.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch, or what stands for it."""
        kwargs = kwargs or {}
        stepwise = STEPWISE.get(function)
        return (stepwise or function)(*args, **kwargs)


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """``torch.nn.functional.embedding_bag`` for sums and means."""
    if mode == "max" or max_norm is not None or scale_grad_by_freq:
        raise NotImplementedError("bags of mode 'max' or with norms")
    if input.ndim == 2:
        n, size = input.shape
        bag = torch.arange(n, device=input.device).repeat_interleave(size)
    else:
        starts = offsets[:-1] if include_last_offset else offsets
        n, places = len(starts), torch.arange(len(input), device=input.device)
        bag = torch.searchsorted(starts, places, side="right") - 1
    rows = input.reshape(-1)
    taken = torch.ones(len(rows), dtype=weight.dtype, device=weight.device)
    if padding_idx is not None:
        taken = (rows != padding_idx % len(weight)).to(weight.dtype)
    factor = taken
    if per_sample_weights is not None:
        factor = taken * per_sample_weights.reshape(-1)
    zeros = torch.zeros(n, weight.shape[1], dtype=weight.dtype, device=weight.device)
    sums = zeros.index_add(0, bag, weight[rows] * factor[:, None])
    if mode == "sum":
        return sums
    return sums / zeros[:, 0].index_add(0, bag, taken).clamp(min=1)[:, None]


def attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **options
):
    """``torch.nn.functional.scaled_dot_product_attention``, step by step."""
    if dropout_p or options.get("enable_gqa"):
        raise NotImplementedError("attention with dropout or grouped queries")
    scale = options.get("scale") or query.shape[-1] ** -0.5
    weights = scale * query @ key.mT
    if is_causal:
        later = torch.ones(weights.shape[-2:], device=query.device).triu(1).bool()
        weights = weights.masked_fill(later, -torch.inf)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        weights = weights.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        weights = weights + attn_mask
    return weights.softmax(-1) @ value


def multi_head_attention(*args, need_weights=True, **kwargs):
    """``torch.nn.functional.multi_head_attention_forward``, which keeps its weights."""
    forward = functional.multi_head_attention_forward
    output, weights = forward(*args, need_weights=True, **kwargs)
    return output, weights if need_weights else None


STEPWISE = {
    functional.embedding_bag: embedding_bag,
    functional.scaled_dot_product_attention: attention,
    functional.multi_head_attention_forward: multi_head_attention,
}
