"""Odd arguments for the public functions, and what must hold of each result.

A family takes a generator and gives a description, a call without arguments, and a
check of the result that raises an AssertionError if a documented property is broken.
"""

import math
import warnings
from fractions import Fraction

import _fuzz_displays
import _fuzz_loaders
import numpy as np
import torch
from _odd_values import (
    brief,
    choose,
    column,
    contained,
    numbers,
    odd_number,
    often,
    plain,
    spoiled,
)
from sklearn.exceptions import UndefinedMetricWarning

from sklabelcraft import (
    ds_score,
    gauc_score,
    neg_score,
    nwtg_score,
    scale,
    soft_topk,
    top_k_coverage_score,
    top_k_recall_score,
)
from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)
from sklabelcraft.losses import LOSSES
from sklabelcraft.objectives import Objective

METRICS = {
    "nwtg": nwtg_score,
    "neg": neg_score,
    "ds": ds_score,
    "gauc": gauc_score,
    "recall": top_k_recall_score,
    "coverage": top_k_coverage_score,
}


def _odd_or(rng, usual, share=0.15):
    return odd_number(rng) if often(rng, share) else usual


def metric(rng):
    """A metric of odd lists: between 0 and 1, or a spread of at least 0."""
    name = choose(rng, list(METRICS))
    n = int(rng.integers(0, 30))
    values, _ = column(rng, n, share=0.1)
    if name in ("neg", "gauc", "recall") and often(rng, 0.3):
        values = [spoiled(rng, numbers(rng, 3), 0.2) for _ in range(n)]
    scores, _ = column(rng, n, lowest=-np.inf, share=0.1)
    users = [choose(rng, [1, 2, 3]) for _ in range(n)]
    groups, _ = contained(rng, spoiled(rng, users, 0.2))
    options = {"k": _odd_or(rng, int(rng.integers(1, 5)))}
    if name in ("nwtg", "neg"):
        options["zero_division"] = choose(
            rng, ["skip", 0.0, 1.0, _odd_or(rng, 0.5, 0.5)]
        )
    if name != "coverage":
        options["average"] = _odd_or(rng, choose(rng, ["mean", None]), 0.05)

    def call():
        with warnings.catch_warnings():  # which tells of users without gain
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return METRICS[name](values, scores, groups=groups, **options)

    def check(found):
        fallback = options.get("zero_division", "skip")
        if options.get("average", "mean") == "mean":
            assert isinstance(found, float), "not a float"
        else:
            assert isinstance(found, np.ndarray), "not an array"
            assert found.ndim == 1, "not one-dimensional"
            if name != "ds" and fallback == "skip":
                found = found[~np.isnan(found)]
        assert np.isfinite(found).all(), "not finite"
        if name == "ds" or fallback == "skip":
            assert np.all(found >= 0), "negative"
            assert name == "ds" or np.all(found <= 1), "above 1"

    given = {"values": values, "scores": scores, "groups": groups} | options
    return f"{name}({brief(given)})", call, check


def topk(rng):
    """The soft top-k of odd lists: between 0 and 1, summing to k, monotone."""
    shape = choose(rng, [(5,), (1,), (0,), (2, 4), (3, 1), (2, 0), (0, 4), (2, 2, 3)])
    n_lists = math.prod(shape[:-1])
    values = spoiled(rng, numbers(rng, math.prod(shape), -np.inf), 0.3)
    given = {"scores": _shaped(rng, values, shape)}
    ragged = len(shape) == 1 and often(rng, 0.4)
    if ragged:
        lengths = _parts(rng, shape[0])
        n_lists = len(lengths)
        given["lengths"], _ = contained(rng, spoiled(rng, lengths, 0.3))
    given["k"] = _per_list(rng, [1, 2, 1.5, 0, -1, 4, 1e300], n_lists)
    softness = choose(rng, ["temperature", "temperature", "epsilon"])
    given[softness] = _per_list(rng, [0.5, 1.0, 1e-3, 1e-300, 1e300, 1e-320], n_lists)
    if often(rng, 0.3):
        mask = spoiled(rng, (rng.random(math.prod(shape)) < 0.7).tolist(), 0.2)
        given["mask"] = _shaped(rng, mask, shape)
    if often(rng, 0.4):
        given["method"] = _odd_or(rng, choose(rng, ["sorted", "two_anchor"]), 0.1)

    def call():
        alpha = soft_topk(**given)
        if torch.is_tensor(alpha) and alpha.requires_grad:
            leaf = [x for x in given.values() if getattr(x, "is_leaf", False)]
            leaf = [x for x in leaf if x.requires_grad]
            assert leaf or not alpha.isnan().any(), "NaN"
            if not leaf:
                return (alpha,)
            weights = torch.arange(alpha.numel()).reshape(alpha.shape)
            return alpha, *torch.autograd.grad((alpha * weights).sum(), leaf)
        return (alpha,)

    def check(found):
        alpha, *slopes = (torch.as_tensor(x).detach() for x in found)
        for slope in slopes:
            assert not slope.isnan().any(), "a slope is NaN"
        _check_topk(alpha, given)

    return f"soft_topk({brief(given)})", call, check


def _shaped(rng, values, shape):
    """Values of some shape, in a container that can be of it."""
    if len(shape) == 1:
        return contained(rng, values)[0]
    whole, _ = contained(rng, values)
    if isinstance(whole, np.ndarray) or getattr(whole, "layout", 0) == torch.strided:
        return whole.reshape(shape) if whole.shape == (len(values),) else whole
    try:
        return plain(values).reshape(shape).tolist()
    except (OverflowError, TypeError, ValueError):
        return np.array([*values, None], dtype=object)[:-1].reshape(shape)


def _parts(rng, n):
    """Lengths that add up to n."""
    cuts = np.sort(rng.integers(0, n + 1, size=int(rng.integers(0, 4))))
    return np.diff([0, *cuts, n]).tolist()


def _per_list(rng, usual, n_lists):
    """One number for all lists or, more rarely, for each, or odd ones."""
    if often(rng, 0.15):
        return odd_number(rng)
    if often(rng, 0.6):
        return choose(rng, usual)
    many = [choose(rng, usual) for _ in range(n_lists if often(rng, 0.8) else 3)]
    return contained(rng, spoiled(rng, many, 0.2))[0]


def _check_topk(alpha, given):
    exact = alpha.dtype == torch.float64
    alpha = alpha.double()
    assert not alpha.isnan().any(), "NaN"
    assert ((alpha >= 0) & (alpha <= 1)).all(), "not between 0 and 1"
    scores = torch.from_numpy(plain(given["scores"]))
    assert alpha.shape[-scores.ndim :] == scores.shape, "of another shape"
    takes_part = scores > -torch.inf
    if "mask" in given:
        takes_part &= torch.from_numpy(plain(given["mask"]) != 0)
    assert (alpha.masked_select(~takes_part.expand_as(alpha)) == 0).all(), "masked > 0"
    if alpha.shape != scores.shape or "lengths" in given or not alpha.numel():
        return
    if not isinstance(given["k"], int | float):
        return
    wanted = takes_part.sum(-1).clamp(max=max(0.0, min(given["k"], 1e9)))
    off = (alpha.sum(-1) - wanted).abs().amax()
    assert off < (1e-9 if exact else 3e-2), f"sums to k but for {float(off):.1e}"
    order = scores.where(takes_part, -torch.inf).argsort(-1)
    falls = torch.diff(alpha.gather(-1, order)).amin() if scores.shape[-1] > 1 else 0
    assert falls > -1e-9 or not exact, f"not monotone by {float(falls):.1e}"


def scaling(rng):
    """Seconds scaled: between 0 and 1, monotone, of the kind of the values."""
    usual = [0.0, 1.0, 50.0, 800.0, 1e-320, 1e300, 1.7e308, -1.0, 3]
    values, _ = column(rng, int(rng.integers(0, 8)), share=0.3)
    given = {"values": values, "knee": choose(rng, usual)}
    given["maximum"] = given["knee"] + choose(rng, [0.0, 1e-320, 1.0, 700.0, 1e300, -1])
    for name in ("knee", "maximum"):
        given[name] = _odd_or(rng, given[name])
    if often(rng, 0.5):
        given["share"] = _odd_or(rng, choose(rng, [0.0, 1.0, 0.2, 0.999]), 0.3)

    def check(found):
        assert isinstance(found, np.ndarray | np.floating | torch.Tensor), "no array"
        found = torch.from_numpy(plain(found))
        seconds = torch.from_numpy(plain(values))
        assert found.shape == seconds.shape, "of another shape"
        assert torch.equal(found.isnan(), seconds.isnan()), "NaN"
        found, seconds = found[~found.isnan()], seconds[~seconds.isnan()]
        assert ((found >= 0) & (found <= 1 + 1e-6)).all(), "not between 0 and 1"
        if found.ndim:
            rise = torch.diff(found.ravel()[seconds.ravel().argsort()])
            assert (rise >= -1e-6).all(), "not monotone"

    return f"scale({brief(given)})", lambda: scale(**given), check


def balancing(rng):
    """Weights of odd objectives: finite, nonnegative and, mostly, summing to 1."""
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    kind = choose(rng, [torch.float64, torch.float32])
    rows = torch.tensor([numbers(rng, m, -np.inf) for _ in range(n)]).to(kind)
    spoil = choose(rng, [1.0, 0.0, 1e-200, 1e150, 1e-30, 1e20, np.nan, np.inf, -1.0])
    rows = rows * spoil if often(rng, 0.3) else rows
    values = torch.tensor(
        [float(v) if isinstance(v, float | int) and abs(v) < 1e308 else np.nan for v in
         spoiled(rng, numbers(rng, n, -np.inf), 0.3)]
    ).to(kind)  # fmt: skip
    sharpness = _odd_or(rng, 0.5, 0.4)
    make = choose(
        rng,
        [lambda: SoftmaxBalancing(sharpness), MinNormBalancing, ConflictFreeBalancing],
    )

    def call():
        rule = make()
        return rule, rule(values, lambda: rows @ rows.T)

    def check(found):
        rule, weights = found
        assert weights.shape == (n,), "of another shape"
        assert weights.dtype == kind, "of another dtype"
        assert weights.isfinite().all(), "not finite"
        assert (weights >= 0).all(), "negative"
        if not isinstance(rule, ConflictFreeBalancing):
            assert abs(float(weights.sum()) - 1) < 1e-5, "do not sum to 1"

    given = {"values": values, "rows": rows, "tau": sharpness, "make": make}
    return f"balancing({brief(given)})", call, check


def objective(rng):
    """An objective of odd names and of odd columns: finite, a gain within 0 and 1."""
    names = ["duration", 3, "", None, 1.5, ("a",)]
    given = {"column": choose(rng, names) if often(rng, 0.2) else "duration"}
    given["measure"] = _odd_or(rng, choose(rng, ["mean", "gain", "spread"]), 0.1)
    given["sign"] = _odd_or(rng, choose(rng, [1, -1]), 0.1)
    given["at_least"] = choose(rng, [None, None, 1.2, Fraction(1, 3), odd_number(rng)])
    lengths = [int(x) for x in rng.integers(1, 6, size=int(rng.integers(1, 4)))]
    n, k = sum(lengths), int(rng.integers(1, 4))
    kind = choose(rng, [torch.float64, torch.float32])
    values = torch.tensor(numbers(rng, n), dtype=kind).clamp(max=1e30)
    scores = torch.tensor(rng.normal(size=n), dtype=kind).requires_grad_()
    lists = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))

    def call():
        chosen = Objective(**given)
        ks = torch.arange(1.0, k + 1)[:, None].expand(k, len(lengths))
        alpha = soft_topk(scores, ks, temperature=0.3, lengths=lengths)
        value = chosen(alpha, values, lists)
        (slope,) = torch.autograd.grad(value, scores)
        return chosen, value.detach(), slope, chosen.worth(value.detach())

    def check(found):
        chosen, value, slope, worth = found
        assert value.isfinite(), "not finite"
        assert slope.isfinite().all(), "a slope is not finite"
        assert torch.as_tensor(worth).isfinite(), "a worth is not finite"
        if chosen.measure == "gain":
            assert 0 <= chosen.sign * value <= 1 + 1e-5, "a gain beyond 0 and 1"

    return f"Objective({brief(given | {'values': values})})", call, check


def loss(rng):
    """A loss of finite logits and labels: finite, at least 0, with a finite slope."""
    name = choose(rng, list(LOSSES))
    n, kind = int(rng.integers(0, 6)), choose(rng, [torch.float64, torch.float32])
    logits = torch.tensor(numbers(rng, n, -np.inf), dtype=kind).clamp(-1e18, 1e18)
    logits.requires_grad_()
    labels = torch.tensor(rng.random(n), dtype=kind)

    def call():
        value = LOSSES[name](logits, labels)
        return value.detach(), torch.autograd.grad(value.sum(), logits)[0]

    def check(found):
        value, slope = found
        assert value.shape == (n,), "of another shape"
        assert (value >= -1e-6).all(), "negative"
        assert value.isfinite().all(), "not finite"
        assert slope.isfinite().all(), "a slope is not finite"

    return f"{name}({brief({'logits': logits, 'labels': labels})})", call, check


FAMILIES = {
    "metric": metric,
    "soft_topk": topk,
    "scale": scaling,
    "balancing": balancing,
    "objective": objective,
    "loss": loss,
    **_fuzz_displays.FAMILIES,
    **_fuzz_loaders.FAMILIES,
}
SHARES = dict.fromkeys(_fuzz_displays.FAMILIES, 0.2)  # drawing takes long
