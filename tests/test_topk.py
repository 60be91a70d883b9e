"""The soft top-k: its closed form, its gradient and its limits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from sklabelcraft import soft_topk
from sklabelcraft.topk import _ragged

modest = settings(max_examples=50, deadline=None)
eighths = st.integers(-40, 40).map(lambda i: i / 8)  # ties are common, gaps >= 1/8
score_lists = st.lists(eighths, min_size=1, max_size=12)
temperatures = st.floats(1e-3, 10)
shares = st.floats(0.01, 0.99)


def sinkhorn(scores, k, epsilon):
    """Entropic transport onto {0, 1}, in the log domain: n times the mass sent to 1."""
    n = len(scores)
    kernel = -((scores[:, None] - np.array([0.0, 1.0])) ** 2) / epsilon
    anchors = np.array([n - k, k]) / n
    column = np.zeros(2)
    for _ in range(100_000):
        row = -np.log(n) - logsumexp(column + kernel, axis=1)
        plan = np.exp(row[:, None] + column + kernel)
        if np.abs(plan.sum(axis=0) - anchors).max() < 1e-14:
            return n * plan[:, 1]
        column = np.log(anchors) - logsumexp(row[:, None] + kernel, axis=0)
    raise AssertionError("Sinkhorn did not converge.")


def hard_topk(scores, k):
    """Indicator of the k largest; ties at the boundary share what is left."""
    boundary = np.sort(scores)[::-1][int(np.ceil(k)) - 1]
    above, tied = scores > boundary, scores == boundary
    return above + tied * (k - above.sum()) / tied.sum()


def gradient(scores, weights, k, **kwargs):
    """Gradient of the weighted indicator in the scores."""
    scores = scores.clone().requires_grad_()
    (soft_topk(scores, k, **kwargs) * weights).sum().backward()
    return scores.grad


def test_two_scores_by_hand():
    """For n = 2, k = 1 the threshold is the midpoint: sigmoid(+-1/2) at a gap of 1."""
    shown = 1 / (1 + np.exp(-0.5))
    alpha = soft_topk(np.array([2.0, 1.0]), 1, temperature=1.0)
    np.testing.assert_allclose(alpha, [shown, 1 - shown], rtol=1e-14)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize(("n", "k"), [(2, 1), (7, 3), (20, 10), (20, 0.5), (9, 7.25)])
def test_equals_converged_sinkhorn(n, k, temperature):
    """It is entropic transport at epsilon = 2 temperature: s^2 - (s-1)^2 = 2s - 1."""
    scores = np.random.default_rng(n).normal(size=n)
    alpha = soft_topk(scores, k, temperature=temperature)
    exact = sinkhorn(scores, k, epsilon=2 * temperature)
    np.testing.assert_allclose(alpha, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("shape", "k", "kwargs"),
    [
        ((5,), 2, {}),
        ((5,), 2.5, {}),
        ((5,), 0.3, {}),
        ((3, 6), [1, 2.5, 4], {}),
        ((2, 2, 4), [[1, 2], [3, 0.5]], {}),
        ((2, 4), 2, {"mask": [[True, True, False, True], [False, True, True, True]]}),
        ((9,), 2, {"lengths": [5, 1, 3]}),
        ((9,), [1.5, 1, 2], {"lengths": [4, 3, 2]}),
    ],
)
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_gradient_is_that_of_finite_differences(shape, k, kwargs, temperature):
    """The implicit gradient is right for per-list and fractional k, masks, lengths."""
    rng = np.random.default_rng(0)
    scores = torch.tensor(rng.normal(size=shape), requires_grad=True)

    def top(scores):
        return soft_topk(scores, k, temperature=temperature, **kwargs)

    assert torch.autograd.gradcheck(top, (scores,))
    assert torch.autograd.gradgradcheck(top, (scores,))


@pytest.mark.parametrize("k", [2, [1.0, 1.5, 1.0, 0.5, 1.0, 1.0]])
def test_gradient_is_that_of_finite_differences_in_very_unequal_lists(k, monkeypatch):
    """Short and long lists that are solved apart."""
    monkeypatch.setattr(_ragged, "CHUNK", 0)
    lengths = [3, 40, 2, 3, 1, 2]
    scores = torch.tensor(np.random.default_rng(0).normal(size=sum(lengths)))

    def top(scores):
        return soft_topk(scores, k, temperature=0.5, lengths=lengths)

    assert len(lengths) * max(lengths) > _ragged.PADDING * sum(lengths)
    assert torch.autograd.gradcheck(top, (scores.requires_grad_(),))


def test_gradient_is_that_of_finite_differences_beside_minus_infinity():
    """Entries of -inf leave the gradient of the others right."""
    masked = torch.tensor([-torch.inf, -torch.inf], dtype=torch.float64)

    def with_masked(finite):
        return soft_topk(torch.cat([masked, finite]), 2, temperature=0.5)

    scores = torch.tensor([0.3, -1.0, 0.9, 0.1], dtype=torch.float64)
    assert torch.autograd.gradcheck(with_masked, (scores.requires_grad_(),))


@modest
@given(score_lists, st.floats(0.1, 14), temperatures)
def test_indicator_is_between_0_and_1_and_sums_to_k(scores, k, temperature):
    """Each list shows min(k, n) entries, each at most once."""
    alpha = soft_topk(np.array(scores), k, temperature=temperature)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    np.testing.assert_allclose(alpha.sum(), min(k, len(scores)), rtol=1e-12)


@modest
@given(score_lists, shares, temperatures)
def test_a_higher_score_is_shown_no_less(scores, share, temperature):
    """The indicator is monotone in the score within a list."""
    scores = np.sort(scores)
    alpha = soft_topk(scores, share * len(scores), temperature=temperature)
    assert (np.diff(alpha) >= -1e-15).all()


@modest
@given(score_lists, shares, temperatures)
def test_the_left_out_are_the_top_of_the_negated_scores(scores, share, temperature):
    """alpha(s, k) + alpha(-s, n - k) = 1."""
    scores = np.array(scores)
    n, k = len(scores), share * len(scores)
    total = soft_topk(scores, k, temperature=temperature)
    total = total + soft_topk(-scores, n - k, temperature=temperature)
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-12)


@modest
@given(score_lists, shares, temperatures, st.randoms(use_true_random=False))
def test_order_of_the_entries_does_not_matter(scores, share, temperature, random):
    """Permuted scores give the permuted indicator."""
    scores, k = np.array(scores), share * len(scores)
    order = random.sample(range(len(scores)), len(scores))
    np.testing.assert_allclose(
        soft_topk(scores[order], k, temperature=temperature),
        soft_topk(scores, k, temperature=temperature)[order],
        atol=1e-13,
    )


@modest
@given(score_lists, shares, temperatures, eighths, st.sampled_from([0.25, 8.0]))
def test_only_differences_in_temperatures_matter(scores, share, temperature, c, unit):
    """alpha(unit (s + c), unit tau) = alpha(s, tau)."""
    scores, k = np.array(scores), share * len(scores)
    np.testing.assert_allclose(
        soft_topk(unit * (scores + c), k, temperature=unit * temperature),
        soft_topk(scores, k, temperature=temperature),
        atol=1e-13,
    )


@modest
@given(
    st.lists(st.tuples(score_lists, st.floats(-1, 14)), min_size=1, max_size=5),
    temperatures,
)
def test_padded_is_ragged_is_list_by_list(lists, temperature):
    """Three layouts of the same lists give the same numbers."""
    rows, ks = [np.array(row) for row, _ in lists], [k for _, k in lists]
    lengths = [len(row) for row in rows]
    padded = np.full((len(rows), max(lengths)), 99.0)
    inside = np.arange(max(lengths)) < np.array(lengths)[:, None]
    padded[inside] = np.concatenate(rows)

    single = [
        soft_topk(row, k, temperature=temperature)
        for row, k in zip(rows, ks, strict=True)
    ]
    ragged = soft_topk(
        np.concatenate(rows), ks, temperature=temperature, lengths=lengths
    )
    masked = soft_topk(padded, ks, temperature=temperature, mask=inside)
    np.testing.assert_allclose(ragged, np.concatenate(single), atol=1e-13)
    np.testing.assert_allclose(masked[inside], ragged, atol=1e-13)
    assert (masked[~inside] == 0).all()


@pytest.mark.parametrize("k", [3, [1.0, 2.5, 40.0] * 2000])
def test_very_unequal_lists_are_not_padded_to_the_longest(k, monkeypatch):
    """Thousands of short lists beside a long one: the same numbers, little padding."""
    lengths = np.random.default_rng(0).integers(0, 9, size=6000)
    lengths[[7, 70]] = 3000, 300
    scores = np.random.default_rng(1).normal(size=lengths.sum())
    sizes = []

    def padded(scores, lengths, *rest):
        sizes.append(len(lengths) * int(lengths.max()))
        return pad(scores, lengths, *rest)

    pad = _ragged._padded
    monkeypatch.setattr(_ragged, "_padded", padded)
    alpha = soft_topk(scores, k, temperature=0.1, lengths=lengths)
    assert sum(sizes) <= _ragged.PADDING * len(scores) + _ragged.CHUNK

    lists = np.split(scores, lengths.cumsum()[:-1])
    for i in [7, 70, *range(30)]:
        k_of_list = k if np.ndim(k) == 0 else k[i]
        found = np.split(alpha, lengths.cumsum()[:-1])[i]
        alone = soft_topk(lists[i], k_of_list, temperature=0.1)
        np.testing.assert_allclose(found, alone, atol=1e-13)


def test_ragged_lists_may_be_empty():
    """A list without entries takes no room, even if all lists are so."""
    scores = np.array([1.0, 3.0, 2.0])
    whole = soft_topk(scores, 1, temperature=0.5)
    among = soft_topk(scores, 1, temperature=0.5, lengths=[0, 3, 0])
    np.testing.assert_allclose(among, whole, rtol=1e-14)
    assert soft_topk(np.zeros(0), 1, temperature=0.5, lengths=[0]).shape == (0,)


def test_padded_lists_may_be_empty():
    """Rows without entries keep their shape."""
    assert soft_topk(np.zeros((3, 0)), 1, temperature=0.5).shape == (3, 0)


@modest
@given(score_lists, shares, st.sampled_from([1e-3, 1e-6, 1e-12]))
def test_low_temperature_is_the_hard_topk(scores, share, temperature):
    """Towards temperature 0 the k largest are shown; ties share equally."""
    scores, k = np.array(scores), share * len(scores)
    alpha = soft_topk(scores, k, temperature=temperature)
    np.testing.assert_allclose(alpha, hard_topk(scores, k), rtol=0, atol=1e-12)


@modest
@given(score_lists, st.data())
def test_low_temperature_is_the_hard_topk_for_whole_k(scores, data):
    """The same where k is an integer and the boundary may lie between two entries."""
    scores, k = np.array(scores), data.draw(st.integers(1, len(scores)))
    alpha = soft_topk(scores, k, temperature=1e-3)
    np.testing.assert_allclose(alpha, hard_topk(scores, k), rtol=0, atol=1e-12)


@modest
@given(score_lists, shares)
def test_high_temperature_shows_all_alike(scores, share):
    """Towards an infinite temperature every entry is shown with k / n."""
    alpha = soft_topk(np.array(scores), share * len(scores), temperature=1e9)
    np.testing.assert_allclose(alpha, share, rtol=0, atol=1e-8)


@modest
@given(st.lists(st.tuples(eighths, st.booleans()), min_size=1, max_size=12), shares)
def test_masked_entries_take_no_part(entries, share):
    """Masked or -inf: value and gradient exactly 0, the others as if it were absent."""
    scores = torch.tensor([s for s, _ in entries], dtype=torch.float64)
    mask = torch.tensor([m for _, m in entries])
    k, weights = share * max(int(mask.sum()), 1), torch.arange(len(scores)) + 1.0
    infinite = scores.masked_fill(~mask, -torch.inf)
    soft = {"temperature": 0.5}

    alpha = soft_topk(scores, k, mask=mask, **soft)
    slope = gradient(scores, weights, k, mask=mask, **soft)
    assert (alpha[~mask] == 0).all()
    assert (slope[~mask] == 0).all()
    assert torch.equal(alpha, soft_topk(infinite, k, **soft))
    assert torch.equal(slope, gradient(infinite, weights, k, **soft))
    if mask.any():
        alone = gradient(scores[mask], weights[mask], k, **soft)
        torch.testing.assert_close(alpha[mask], soft_topk(scores[mask], k, **soft))
        torch.testing.assert_close(slope[mask], alone)


@pytest.mark.parametrize(("k", "expected"), [(3, 1), (7.5, 1), (0, 0), (-2, 0)])
def test_lists_shown_whole_or_not_at_all(k, expected):
    """n <= k shows every entry and k <= 0 none, with gradient exactly 0."""
    scores = torch.tensor([[3.0, 1.0, 2.0]], dtype=torch.float64)
    assert (soft_topk(scores, k, temperature=0.5) == expected).all()
    assert (gradient(scores, torch.arange(3), k, temperature=0.5) == 0).all()


def test_a_masked_entry_is_not_shown_even_in_a_list_shown_whole():
    """A list of at most k entries has 1 for its entries and 0 for its padding."""
    alpha = soft_topk(np.array([3.0, -np.inf, 2.0]), 2, temperature=0.5)
    assert alpha.tolist() == [1, 0, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad):
    """NaN and +inf raise ValueError."""
    with pytest.raises(ValueError, match="finite or -inf"):
        soft_topk(np.array([1.0, bad, 0.0]), 1, temperature=0.5)


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_temperature_must_be_a_positive_number(temperature):
    """Anything else raises ValueError."""
    with pytest.raises(ValueError, match="temperature must be a positive number"):
        soft_topk(np.array([1.0, 0.0]), 1, temperature=temperature)


def test_lengths_must_add_up():
    """Lengths that do not cover the scores raise ValueError."""
    with pytest.raises(ValueError, match="lengths must add up"):
        soft_topk(np.zeros(4), 1, temperature=0.5, lengths=[2, 3])


@pytest.mark.parametrize(
    ("given_dtype", "expected"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64")],
)
def test_numpy_in_numpy_out(given_dtype, expected):
    """An array gives an array of its precision, equal to the tensor's numbers."""
    scores = np.array([[3, 1, 2, 0], [0, 5, 1, 2]], dtype=given_dtype)
    alpha = soft_topk(scores, 2, temperature=0.7)
    assert isinstance(alpha, np.ndarray)
    assert alpha.dtype == expected
    tensor = soft_topk(torch.tensor(scores.astype(expected)), 2, temperature=0.7)
    np.testing.assert_array_equal(alpha, tensor.numpy())


@pytest.mark.parametrize("n", [5, 1000])
def test_float32_stays_float32_and_is_accurate(n):
    """Value and gradient keep single precision, and are right to it."""
    scores = torch.tensor(np.random.default_rng(n).normal(size=n))
    weights, soft = torch.linspace(-1, 1, n), {"temperature": 0.1}
    alpha = soft_topk(scores.float(), 3, **soft)
    slope = gradient(scores.float(), weights, 3, **soft)
    assert alpha.dtype == slope.dtype == torch.float32
    exact = {"atol": 1e-5, "rtol": 0, "check_dtype": False}
    torch.testing.assert_close(alpha, soft_topk(scores, 3, **soft), **exact)
    torch.testing.assert_close(slope, gradient(scores, weights, 3, **soft), **exact)


@modest
@given(
    st.lists(score_lists, min_size=1, max_size=4),
    st.lists(st.floats(-1, 14), min_size=1, max_size=4),
    temperatures,
    st.sampled_from(["two_anchor", "sorted"]),
)
def test_several_k_at_once_are_each_alone(lists, ks, temperature, method):
    """Padded and ragged, with the gradient in the scores that is their sum."""
    ks = [round(ks[0])] * len(ks) if method == "sorted" else ks
    options = {"temperature": temperature, "method": method}
    lengths, longest = [len(row) for row in lists], max(map(len, lists))
    padded = [row + [-np.inf] * (longest - len(row)) for row in lists]
    flat = np.concatenate(lists)
    for scores, more in ((padded, {}), (flat, {"lengths": lengths})):
        scores = torch.tensor(np.array(scores), requires_grad=True)
        several = torch.tensor(ks, dtype=torch.float64)[:, None]
        found = soft_topk(scores, several, **options, **more)
        alone = [soft_topk(scores, k, **options, **more) for k in ks]
        torch.testing.assert_close(found, torch.stack(alone), rtol=0, atol=1e-12)
        weights = torch.randn(found.shape, dtype=torch.float64)
        (gradient,) = torch.autograd.grad((found * weights).sum(), scores)
        expected = sum((a * w).sum() for a, w in zip(alone, weights, strict=True))
        (expected,) = torch.autograd.grad(expected, scores)
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-9 / temperature)


def test_several_k_of_a_single_list_and_none():
    """Dimensions come before those of the lists; there may be none of them."""
    scores = torch.tensor([3.0, 1.0, 2.0])
    found = soft_topk(scores, [[1], [2]], temperature=[0.1, 1.0, 10.0])
    assert found.shape == (2, 3, 3)
    torch.testing.assert_close(found[1, 2], soft_topk(scores, 2, temperature=10.0))
    assert soft_topk(scores, [], temperature=1.0).shape == (0, 3)
    assert (
        soft_topk(torch.ones(2, 3, 4, 5), torch.ones(3, 4), temperature=1.0).ndim == 4
    )
    lists = torch.stack([scores, 2 * scores])
    found = soft_topk(lists, torch.ones(3, 2, 1), temperature=[0.1, 1.0])
    assert found.shape == (3, 2, 2, 3)
    torch.testing.assert_close(found[2, 1, 1], soft_topk(2 * scores, 1, temperature=1))
