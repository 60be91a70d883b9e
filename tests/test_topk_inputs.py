"""What the soft top-k accepts, what it refuses and how, and what it depends on."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import soft_topk

SCORES = np.array([3.0, 1.0, 2.0, 0.0])
LISTS = np.stack([SCORES, SCORES[::-1]])
TENSOR = torch.tensor(SCORES)
SOFT = {"temperature": 0.5}
READ_ONLY = SCORES.copy()
READ_ONLY.flags.writeable = False
UNALIGNED = np.frombuffer(b"\0" + SCORES.tobytes(), np.uint8)[1:].view(float)
NEGATED_VIEW = torch.complex(TENSOR, -TENSOR).conj().imag

SAME_SCORES = {
    "backwards": SCORES[::-1].copy()[::-1],
    "column": np.stack([SCORES, SCORES], 1)[:, 0],
    "big endian": SCORES.astype(">f8"),
    "big endian int": SCORES.astype(">i4"),
    "uint64": SCORES.astype(np.uint64),
    "longdouble": SCORES.astype(np.longdouble),
    "long long": SCORES.astype(np.ulonglong),
    "read-only": READ_ONLY,
    "unaligned": UNALIGNED,
    "list": SCORES.tolist(),
    "tuple of int": (3, 1, 2, 0),
    "pandas": pd.Series(SCORES),
    "nullable": pd.Series([3, 1, 2, 0], dtype="Int64"),
    "polars": pl.Series(SCORES),
    "int tensor": torch.tensor([3, 1, 2, 0]),
    "uint16 tensor": torch.tensor([3, 1, 2, 0], dtype=torch.uint16),
    "expanded tensor": TENSOR.expand(2, 4)[1],
    "negated view": NEGATED_VIEW,
    "parameter": torch.nn.Parameter(TENSOR),
}


@pytest.mark.parametrize("name", SAME_SCORES)
def test_all_that_holds_the_same_scores(name):
    """Any memory layout, byte order, container and kind of whole number is computed in
    float64; a tensor gives a tensor and all else an array."""
    scores = SAME_SCORES[name]
    alpha = soft_topk(scores, 1, **SOFT)
    assert type(alpha) is (torch.Tensor if torch.is_tensor(scores) else np.ndarray)
    alpha = torch.as_tensor(alpha).detach()
    assert alpha.dtype == torch.float64
    assert torch.equal(alpha, soft_topk(TENSOR, 1, **SOFT))


def test_one_score_that_is_read_backwards():
    """Its stride is negative, which torch knows nothing of."""
    assert soft_topk(np.array([1.0, 2.0])[::-2], np.ones(2)[::-2][0], **SOFT) == [1.0]
    assert soft_topk([2.0], np.ones(3)[::-3], lengths=[1], **SOFT) == [1.0]


def test_booleans_are_zeros_and_ones():
    """Two of four are true: sigmoid((s - t) / tau) with t = 1/2 for k = 2."""
    shown = 1 / (1 + np.exp(-1))
    for scores in ([True, False, True, False], torch.tensor([1, 0, 1, 0]).bool()):
        alpha = torch.as_tensor(soft_topk(scores, 2, **SOFT))
        expected = torch.tensor([shown, 1 - shown] * 2, dtype=torch.float64)
        torch.testing.assert_close(alpha, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
def test_half_precision_is_computed_in_single(dtype, method):
    """Value and gradient are those of float32, rounded once."""
    half = torch.tensor(SCORES, dtype=dtype, requires_grad=True)
    single = torch.tensor(SCORES, dtype=torch.float32, requires_grad=True)
    weights = torch.arange(4.0)
    for scores in (half, single):
        alpha = soft_topk(scores, 2, method=method, **SOFT)
        assert alpha.dtype == scores.dtype
        (alpha * weights).sum().backward()
    assert torch.equal(half.grad, single.grad.to(dtype))
    array = SCORES.astype(np.float16)
    assert soft_topk(array, 2, method=method, **SOFT).dtype == np.float16


@pytest.mark.parametrize(
    "mask",
    [
        [True, False, True, True],
        [1, 0, 1, 1],
        np.array([1, 1, 0, 1], np.uint8)[::-1],
        np.array([1.0, 0.0, 1.0, 1.0]),
        torch.tensor([1, 0, 1, 1]),
        torch.tensor([1, 0, 1, 1], dtype=torch.uint16),
        pd.Series([True, False, True, True]),
        pl.Series([True, False, True, True]),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("scores", [SCORES, TENSOR], ids=["array", "tensor"])
def test_masks_of_zeros_and_ones(mask, scores):
    """Booleans or numbers, in whatever container."""
    alpha = soft_topk(scores, 1, mask=mask, **SOFT)
    expected = soft_topk(np.array([3.0, -np.inf, 2.0, 0.0]), 1, **SOFT)
    np.testing.assert_array_equal(np.asarray(alpha), expected)


@pytest.mark.parametrize(
    "lengths",
    [
        [0, 1, 3, 0],
        (0, 1, 3, 0),
        [0.0, 1.0, 3.0, 0.0],
        np.array([0, 3, 1, 0])[::-1],
        np.array([0, 1, 3, 0], np.uint8),
        np.array([0, 1, 3, 0], np.uint64),
        np.array([0, 1, 3, 0], ">i4"),
        torch.tensor([0, 1, 3, 0], dtype=torch.uint8),
        torch.tensor([0, 1, 3, 0], dtype=torch.uint64),
        pd.Series([0, 1, 3, 0]),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("scores", [SCORES, TENSOR], ids=["array", "tensor"])
def test_lengths_of_any_kind_of_whole_number(lengths, scores):
    """Signed or not, with lists of no entries among them."""
    alpha = np.asarray(soft_topk(scores, 1, lengths=lengths, **SOFT))
    expected = np.append(1.0, soft_topk(SCORES[1:], 1, **SOFT))
    np.testing.assert_allclose(alpha, expected, rtol=1e-14)


@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
@pytest.mark.parametrize("k", [1e300, 10**200, -1e300, -2, 0])
def test_any_finite_k(k, method):
    """A list of at most k entries is shown whole; for k <= 0 nothing is shown."""
    alpha = soft_topk(LISTS, k, method=method, **SOFT)
    assert (alpha == (k > 0)).all()


@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    st.integers(1, 8),
    st.floats(0, 1e300, exclude_min=True),
)
def test_scores_may_be_as_far_apart_as_floats_are(method, scores, k, temperature):
    """The indicator sums to k and rises with the scores; its slope is a number."""
    scores = torch.tensor(sorted(scores), dtype=torch.float64, requires_grad=True)
    alpha = soft_topk(scores, k, temperature=temperature, method=method)
    (slope,) = torch.autograd.grad((alpha * torch.arange(len(scores))).sum(), scores)
    assert not slope.isnan().any()
    alpha = alpha.detach()
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert alpha.sum().item() == pytest.approx(min(k, len(scores)), abs=1e-9)
    assert (torch.diff(alpha) >= -1e-9).all()


@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
@pytest.mark.parametrize("name", ["temperature", "epsilon"])
@pytest.mark.parametrize("ragged", [False, True])
def test_a_softness_for_each_list(name, method, ragged):
    """Lists solved together are those solved alone, each with its own softness."""
    options = {"method": method, "lengths": [4, 4] if ragged else None}
    scores = LISTS.ravel() if ragged else LISTS
    found = soft_topk(scores, 2, **{name: [0.1, 1.0]}, **options).reshape(2, 4)
    for row, softness, alpha in zip(LISTS, [0.1, 1.0], found, strict=True):
        alone = soft_topk(row, 2, **{name: softness}, method=method)
        np.testing.assert_allclose(alpha, alone, atol=1e-12)


def test_masked_entries_have_no_part_in_the_largest_cost():
    """The softness relative to the cost is that of the entries that take part."""
    scores = np.array([0.4, 0.5, 0.6])
    padded = np.array([0.4, -np.inf, 0.5, 0.6])
    alone = soft_topk(scores, 1, epsilon=0.1)
    np.testing.assert_allclose(soft_topk(padded, 1, epsilon=0.1)[[0, 2, 3]], alone)
    ragged = soft_topk([*scores, *range(5)], 1, epsilon=0.1, lengths=[3, 5])
    np.testing.assert_allclose(ragged[:3], alone)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4), (2, 0, 3)])
@pytest.mark.parametrize("method", ["two_anchor", "sorted"])
@pytest.mark.parametrize("name", ["temperature", "epsilon"])
def test_empty_scores(shape, method, name):
    """No lists, or lists of no entries, keep their shape, and have a gradient."""
    scores = torch.zeros(shape, requires_grad=True)
    alpha = soft_topk(scores, 1, **{name: 0.5}, method=method)
    assert alpha.shape == shape
    alpha.sum().backward()
    assert scores.grad.shape == shape


def test_lengths_of_many_scores():
    """They add up to more than the small numbers that Python keeps."""
    shown = soft_topk(np.arange(400.0), 3, temperature=0.5, lengths=[150, 250])
    assert [shown[:150].sum(), shown[150:].sum()] == pytest.approx([3, 3])


REFUSED = {
    "0-d": (ValueError, r"shape \(\.\.\., n\), got a single number", 3.0, 1, {}),
    "0-d tensor": (ValueError, "got a single number", torch.tensor(3.0), 1, {}),
    "NaN": (ValueError, "finite or -inf", [1.0, np.nan], 1, {}),
    "inf tensor": (ValueError, "finite or -inf", torch.tensor([1, np.inf]), 1, {}),
    "missing": (ValueError, "finite or -inf", pl.Series([1.0, None]), 1, {}),
    "complex": (TypeError, "scores must be .* complex128", SCORES + 1j, 1, {}),
    "complex tensor": (TypeError, "that is complex", TENSOR + 1j, 1, {}),
    "object": (TypeError, "dtype object", np.array([1, None]), 1, {}),
    "text": (TypeError, "scores must be .* got str", "abc", 1, {}),
    "int128": (TypeError, "i128", pl.Series([1, 2], dtype=pl.Int128), 1, {}),
    "dates": (TypeError, "datetime64", np.array(["2020"], "M8[D]"), 1, {}),
    "unequal": (TypeError, "scores must be an array", [[1.0], [1.0, 2.0]], 1, {}),
    "masked array": (TypeError, "got MaskedArray", np.ma.masked_array(SCORES), 1, {}),
    "sparse": (TypeError, "that is sparse", TENSOR.to_sparse(), 1, {}),
    "meta": (TypeError, "on the meta device", TENSOR.to("meta"), 1, {}),
    "k NaN": (ValueError, "k must be a finite number, got nan", SCORES, np.nan, {}),
    "k inf": (ValueError, "k must be a finite number, got inf", SCORES, np.inf, {}),
    "k tensor": (ValueError, "finite number, got -inf", TENSOR, -TENSOR / 0, {}),
    "k beyond floats": (TypeError, "k must be .* dtype object", SCORES, 10**400, {}),
    "k text": (TypeError, "k must be .* got str", SCORES, "1", {}),
    "k None": (TypeError, "k must be .* got NoneType", SCORES, None, {}),
    "k complex": (TypeError, "k must be .* complex", TENSOR, torch.tensor(1j), {}),
    "k too many": (
        ValueError,
        r"shape \(2,\).*, got shape \(3,\)",
        LISTS,
        [1, 2, 3],
        {},
    ),
    "k deep": (ValueError, r"got shape \(2, 3\)", LISTS, [[1] * 3] * 2, {}),
    "several": (
        ValueError,
        r"temperature .* got shape \(3, 1\)",
        LISTS,
        [[1], [2]],
        {"temperature": [[1.0], [2.0], [3.0]]},
    ),
    "k ragged": (ValueError, "k must be one", SCORES, [1, 2, 3], {"lengths": [1, 3]}),
    "temperatures": (ValueError, r"\(3,\)", LISTS, 1, {"temperature": [1, 2, 3]}),
    "temperature 0": (ValueError, "got 0.0", LISTS, 1, {"temperature": [1.0, 0.0]}),
    "temperature": (TypeError, "temperature must", LISTS, 1, {"temperature": "1"}),
    "mask shape": (ValueError, r"\(4,\), got \(3,\)", SCORES, 1, {"mask": [1, 0, 1]}),
    "mask 2": (ValueError, "got 2", SCORES, 1, {"mask": [1, 2, 0, 1]}),
    "mask NaN": (ValueError, "0 or 1", SCORES, 1, {"mask": [1, np.nan, 0, 1]}),
    "mask None": (TypeError, "mask must", SCORES, 1, {"mask": [True, None] * 2}),
    "negative": (ValueError, "negative, got -1", SCORES, 1, {"lengths": [-1, 5]}),
    "part": (ValueError, "whole numbers", SCORES, 1, {"lengths": [2.5, 1.5]}),
    "NaN length": (ValueError, "whole numbers", SCORES, 1, {"lengths": [4, np.nan]}),
    "booleans": (ValueError, "whole numbers", SCORES, 1, {"lengths": [True] * 4}),
    "0-d lengths": (ValueError, "one-dimensional", SCORES, 1, {"lengths": 4}),
    "too few": (ValueError, "add up", SCORES, 1, {"lengths": [1, 2]}),
    "2-d lengths": (ValueError, "one-dimensional", SCORES, 1, {"lengths": [[1, 3]]}),
    "longer mask": (ValueError, r"\(4,\), got \(5,\)", SCORES, 1, {"mask": [1] * 5}),
    "smaller k beside": (
        ValueError,
        "takes one whole k",
        LISTS,
        [2, 1],
        {"method": "sorted"},
    ),
    "wrapped sum": (ValueError, "add up", SCORES, 1, {"lengths": [2**62] * 4 + [4]}),
    "2-d ragged": (ValueError, r"shape \(2, 4\)", LISTS, 1, {"lengths": [4, 4]}),
    "text length": (TypeError, "lengths must", SCORES, 1, {"lengths": ["4"]}),
    "method": (ValueError, "method must be one of", SCORES, 1, {"method": [1, 2]}),
    "array method": (ValueError, "method must", SCORES, 1, {"method": np.ones(2)}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case):
    """With an error that says what was wanted and what was given."""
    if case == "int128" and pl.__version__ < "2":
        pytest.skip("polars 1 panics at them")
    error, message, scores, k, options = REFUSED[case]
    with pytest.raises(error, match=message):
        soft_topk(scores, k, **(SOFT | options))


@pytest.mark.parametrize("name", ["k", "temperature"])
def test_arrays_do_not_swallow_a_derivative(name):
    """Scores as an array would lose the derivative in another argument."""
    arguments = {"k": 1.0, "temperature": 0.5}
    arguments[name] = torch.tensor(arguments[name])

    def alone(value):
        return soft_topk(SCORES, **(arguments | {name: value}))

    with pytest.raises(ValueError, match="scores must be a tensor where"):
        alone(arguments[name].requires_grad_())
    with pytest.raises(ValueError, match="scores must be a tensor where"):
        torch.func.vmap(alone)(torch.ones(2))
    assert isinstance(alone(arguments[name].detach()), np.ndarray)


@pytest.fixture(params=["float64 as default", "default device", "autocast", "no_grad"])
def elsewhere(request):
    """A setting of torch that nothing may depend on."""
    contexts = {
        "default device": lambda: torch.device("meta"),
        "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
        "no_grad": torch.no_grad,
    }
    before = torch.get_default_dtype()
    if request.param == "float64 as default":
        torch.set_default_dtype(torch.float64)
    yield contexts.get(request.param, nullcontext)
    torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "options",
    [
        {"k": 2},
        {"k": [2.5, 1], "mask": LISTS > 0},
        {"k": 2, "method": "sorted"},
        {"k": 1, "temperature": None, "epsilon": 0.1},
        {"k": 1, "temperature": None, "epsilon": 0.1, "method": "sorted"},
        {"k": [1, 2, 1], "lengths": [3, 0, 5]},
    ],
    ids=range(6),
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_depends_on_no_setting_of_torch(elsewhere, options, dtype):
    """The same numbers and dtype as without, of arrays and of tensors."""
    scores = LISTS.astype(dtype)
    scores = scores.ravel() if "lengths" in options else scores
    options = SOFT | options
    tensor = torch.from_numpy(scores)
    if tensor.is_floating_point():
        tensor.requires_grad_()
    weights = torch.arange(8).view(tensor.shape)

    def found():
        alpha = soft_topk(tensor, **options)
        if alpha.requires_grad:
            return soft_topk(scores, **options), alpha, slope(alpha)
        return soft_topk(scores, **options), alpha

    def slope(alpha):
        return torch.autograd.grad((alpha * weights).sum(), tensor)[0]

    expected = found()
    with elsewhere():
        again = found()
    for one, other in zip(expected, again, strict=len(again) == len(expected)):
        assert one.dtype == other.dtype
        assert (one == other).all()
