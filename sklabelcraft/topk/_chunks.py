"""Lists some at a time, so that what is computed of them stays in the cache."""

CHUNK = 2**18  # scores


def chunks(*tensors):
    """The tensors, (..., L, n), in parts of whole lists."""
    parts = round(max(tensor.numel() for tensor in tensors) / CHUNK)
    if parts <= 1:
        return [tensors]
    return zip(*(tensor.chunk(parts, -2) for tensor in tensors), strict=True)
