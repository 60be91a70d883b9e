"""The threshold of lists in which few entries count: only those are looked at.

All here works on plain tensors, and has no derivative.
"""

import math

import numpy as np
import torch
from torch.nn.functional import pad

from sklabelcraft.topk._chunks import CHUNK, chunks

BLOCK = 256  # scores sorted at a time: short sorts are the fastest
REACH = 5  # ranks on either side of the boundary that are looked at first
LOOKAHEAD = 4  # times that far is looked at next, and sorted at once
LOOK = 2048  # lists whose Newton step takes as long as another look
MAX_PLAIN_STEPS = 3
MAX_STEPS = 60
LONGEST_STEP = 8.0  # in units of the temperature
FEW = 8  # less


def by_sorting(scores, k, tau):
    """Boundary score and threshold z of each list, (L,), with k and tau of each, (L,).

    `scores` are (L, n).
    """
    return _threshold(scores, scores[:, :0], k, tau)


def _threshold(scores, ordered, k, tau, start=None, *, reach=REACH, tries=2):
    """The boundary score and, counted from it in units of tau, the threshold z, (L,).

    Only entries within `reach` ranks of the boundary are looked at. Lists where that
    is too few, because more of them have an indicator between 0 and 1, and lists that
    are not solved go on from there with a wider look, between brackets once `tries`
    without have been made. `ordered` are the largest scores as far as they are known,
    ascending.
    """
    lists = max(1, CHUNK // reach)
    if len(k) > lists:
        given = [x for x in (scores, ordered, k, tau, start) if x is not None]
        parts = zip(*(x.split(lists) for x in given), strict=True)
        found = [_threshold(*part, reach=reach, tries=tries) for part in parts]
        return [torch.cat(values) for values in zip(*found, strict=True)]
    n, shown = scores.shape[1], k.floor().long()
    least, most = (int(end) for end in shown.aminmax())
    whole = max(most, n - least)
    reach = min(reach, whole)
    if ordered.shape[1] < min(n, most + reach):
        ordered = largest(scores, min(n, most + LOOKAHEAD * reach))
    boundary, sides = _sides(_window(ordered, shown, least, most, reach), tau)
    part = (k - shown).to(sides)
    far = math.log(n) - math.log(torch.finfo(sides.dtype).eps) + 1
    z = start
    if z is None:
        z = _middle(sides, part, far)
        if reach < whole and FEW * int(_narrow(sides, z, far).sum()) > len(k):
            spanned = -float(sides[0, 0].median()) or 1.0
            reach = math.ceil(min(whole, reach * max(2, far / spanned)))
            return _threshold(scores, ordered, k, tau, reach=reach)
    z, left = (_plain if tries > 0 else _bracketed)(sides, part, z)
    if reach < whole:
        left |= _narrow(sides, z, far)
    left = left.nonzero()[:, 0]
    if len(left):
        hard = (x.index_select(0, left) for x in (scores, ordered, k, tau, z))
        found = _threshold(*hard, reach=LOOKAHEAD * reach, tries=tries - 1)
        for value, new in zip((boundary, z), found, strict=True):
            value.index_copy_(0, left, new)
    return boundary, z


def _sides(window, tau):
    """The boundary score of each list, (L,), and the window counted from it.

    That is y = (score - boundary) / tau of the rest and -y of the shown, (2, reach, L).
    """
    y = window.T.clone(memory_format=torch.contiguous_format)
    sides = y.view(2, -1, len(tau))
    boundary = sides[0, -1].clone()
    most = torch.finfo(y.dtype).max
    y.sub_(boundary).div_(tau).clamp_(-most, most)
    sides[1].neg_()
    return boundary, sides


def _middle(sides, part, far):
    """The middle of the gap at the boundary, near it where a part of it is shown."""
    middle = sides[1, 0] / -2
    return middle.where(part == 0, middle.clamp(max=far)) if part.any() else middle


def _narrow(sides, z, far):
    """Where entries outside the window may have an indicator between 0 and 1."""
    rest, top = sides[0, 0], sides[1, -1]
    return torch.maximum(rest - z, top + z) > -far


def _window(ordered, shown, least, most, reach):
    """The `reach` largest of the rest and least of the shown, ascending, (L, 2 reach).

    Ranks beyond the ends of a list are -inf and inf.
    """
    first, last = ordered.shape[1] - most - reach, ordered.shape[1] - least + reach
    window = ordered[:, max(0, first) : last]
    if first < 0:
        window = pad(window, (-first, 0), value=-torch.inf)
    if last > ordered.shape[1]:
        window = pad(window, (0, last - ordered.shape[1]), value=torch.inf)
    if least == most:
        return window
    ranks = torch.arange(2 * reach, device=shown.device)
    return window.gather(1, (most - shown)[:, None] + ranks)


def largest(scores, w):
    """The `w` largest of each row in ascending order, (L, w).

    On the CPU by rounds of short sorts, of which each keeps the w largest.
    """
    if scores.device.type != "cpu":
        return scores.topk(w, sorted=True).values.flip(1)
    found = [_sorted_blocks(part.numpy(), w) for (part,) in chunks(scores)]
    return torch.from_numpy(np.concatenate(found))


def _sorted_blocks(values, w):
    block = max(BLOCK, 4 * w)
    while values.shape[1] > block:
        even = values.shape[1] // block * block
        blocks = np.sort(values[:, :even].reshape(len(values), -1, block))[..., -w:]
        kept = blocks.reshape(len(values), -1)
        values = np.concatenate([kept, values[:, even:]], axis=1)
    return np.sort(values)[:, -w:]


def _plain(sides, part, z):
    """Newton's method from z without safeguards; the root, and where it may be wrong.

    h(z) = log(A + e) - log(B + r + e) falls in z. A sums sigmoid(y - z) over the rest
    and B sums sigmoid(z - y) over the top, the floor(k) largest, so that A - B - r =
    sum(alpha) - k, with r = k - floor(k), is free of cancellation; e is the precision.
    `sides` holds y of the rest and -y of the top, (2, reach, L).
    """
    newton_step = _newton(sides, part)
    for _ in range(MAX_PLAIN_STEPS):
        value, step = newton_step(z)
        z = z + step
        left = _far(value, step)
        if int(left.sum()) <= max(0, len(left) - LOOK) // FEW:
            break
    return z, left


def _bracketed(sides, part, z):
    """Newton's method with halving steps, which converges from everywhere."""
    newton_step = _newton(sides, part)
    low, high = torch.full_like(z, -torch.inf), torch.full_like(z, torch.inf)
    for _ in range(MAX_STEPS):
        value, step = newton_step(z)
        low, high = z.where(value > 0, low), z.where(value < 0, high)
        moved = z + step
        inside = (moved >= low) & (moved <= high)  # at an end it has converged
        z = moved.where(inside, (low + high) / 2)
        if not _far(value, step).any():
            break
    return z, torch.zeros_like(inside)


def _far(value, step):
    """Where the step that was taken from there is not exact.

    What it leaves of sum(alpha) - k is at most value step / 2 times A, as no second
    derivative of a sigmoid is above its first.
    """
    return value * step > torch.finfo(value.dtype).eps


def _newton(sides, part):
    """A function of z that gives h(z) and the step from there to its root.

    Slopes are kept above 4 e, so that no step is far where h(z) is only rounding.
    """
    rest, top = sides
    eps = torch.finfo(sides.dtype).eps
    added = torch.stack([torch.zeros_like(part), part]) + eps
    work = sides.new_empty(2, *sides.shape)
    alpha, derived = work
    of_rest, of_top = alpha

    def step(z):
        torch.sub(rest, z, out=of_rest)
        torch.add(top, z, out=of_top)
        torch.addcmul(alpha.sigmoid_(), alpha, alpha, value=-1, out=derived)
        sums, slopes = work.sum(2)
        above, below = sums.add_(added)
        value = (above / below).log_()
        slope = slopes.div_(sums).sum(0).add_(4 * eps)
        return value, (value / slope).clamp_(-LONGEST_STEP, LONGEST_STEP)

    return step
