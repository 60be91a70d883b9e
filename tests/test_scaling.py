"""The two straight lines from seconds to [0, 1]."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import scale
from sklabelcraft.scaling import two_lines

modest = settings(max_examples=50, deadline=None)
constants = st.tuples(st.floats(0.5, 100), st.floats(0.5, 1000), st.floats(0, 1)).map(
    lambda c: {"knee": c[0], "maximum": c[0] + c[1], "share": c[2]}
)


def test_hand_case():
    """Values up to the knee at 10 fill [0, 0.4], those up to 50 fill [0.4, 1]."""
    values = np.array([0.0, 5.0, 10.0, 30.0, 50.0, 60.0])
    scaled = scale(values, knee=10, maximum=50, share=0.4)
    np.testing.assert_allclose(scaled, [0, 0.2, 0.4, 0.7, 1, 1], rtol=1e-15)


@modest
@given(constants)
def test_ends_and_knee(constants):
    """0 goes to 0, the knee to the share, the maximum and all beyond it to 1."""
    knee, maximum = constants["knee"], constants["maximum"]
    scaled = scale(np.array([0, knee, maximum, 10 * maximum]), **constants)
    np.testing.assert_allclose(scaled, [0, constants["share"], 1, 1], atol=1e-12)


@modest
@given(constants, st.lists(st.floats(0, 2000), min_size=2, max_size=30))
def test_monotone_and_within_0_and_1(constants, values):
    """A larger value is scaled no lower."""
    scaled = scale(np.sort(values), **constants)
    assert (np.diff(scaled) >= -1e-15).all()
    assert scaled.min() >= 0
    assert scaled.max() <= 1 + 1e-15


@modest
@given(constants, st.floats(0, 2000), st.floats(0, 1))
def test_continuous(constants, value, step):
    """A step in the value moves the result by at most the steeper line's rise."""
    knee, maximum, share = (constants[c] for c in ("knee", "maximum", "share"))
    steepest = max(share / knee, (1 - share) / (maximum - knee))
    low, high = scale(np.array([value, value + step]), **constants)
    assert high - low <= steepest * step + 1e-12


CONSTANTS = [
    {"knee": 3.0, "maximum": 7.0},
    {"knee": 0.0, "maximum": 10.0},
    {"knee": 10.0, "maximum": 10.0},
    {"knee": 0.0, "maximum": 0.0},
    {"knee": np.float64(3.0), "maximum": np.float64(7.0)},
]


@pytest.mark.parametrize(
    ("knee", "maximum", "expected"),
    [
        (0.0, 10.0, [0, 0.6, 1, 1]),  # any positive value is beyond the knee
        (10.0, 10.0, [0, 0.1, 0.2, 1]),  # only values beyond the maximum reach 1
        (0.0, 0.0, [0, 1, 1, 1]),
    ],
)
def test_lines_of_no_width_are_steps(knee, maximum, expected):
    """Where two of 0, knee and maximum coincide, the line between them is a step."""
    scaled = scale(np.array([0.0, 5.0, 10.0, 11.0]), knee=knee, maximum=maximum)
    np.testing.assert_allclose(scaled, expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
@modest
@given(st.data())
def test_within_0_and_1_whatever_the_numbers(dtype, kind, data):
    """Huge, tiny or infinite, in any precision; and in the order of the values."""
    largest = float(np.finfo(dtype).max)
    knee, maximum = sorted(data.draw(st.tuples(*[st.floats(0, largest)] * 2)))
    numbers = st.lists(st.floats(width=16, allow_nan=False) | st.just(knee))
    values = np.sort(np.array([np.inf, *data.draw(numbers)], dtype=dtype))
    scaled = np.asarray(scale(kind(values), knee=knee, maximum=maximum))
    assert scaled.dtype == dtype
    eps = float(np.finfo(dtype).eps)
    assert (scaled >= 0).all()
    assert (scaled <= 1 + eps).all()
    assert (np.diff(scaled) >= -eps).all()
    assert scaled[-1] == pytest.approx(1, abs=eps)


@pytest.mark.parametrize("values", [[0, 25, 800], torch.tensor([0, 25, 800])])
def test_whole_numbers_are_scaled_in_float64(values):
    """In a list, or in a tensor."""
    scaled = torch.as_tensor(scale(values, knee=50, maximum=800))
    expected = torch.tensor([0, 0.1, 1], dtype=torch.float64)
    torch.testing.assert_close(scaled, expected)


@pytest.mark.parametrize(("knee", "maximum"), [(1, 3), (2, 2), (0, 0)])
def test_a_missing_value_stays_missing(knee, maximum):
    """It is neither below nor beyond a knee."""
    scaled = scale(np.array([np.nan, 4.0]), knee=knee, maximum=maximum)
    np.testing.assert_array_equal(scaled, [np.nan, 1.0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"knee": -1.0}, "knee must be a finite number from 0"),
        ({"knee": np.nan}, "knee must be a finite number from 0"),
        ({"knee": "1"}, "knee must be a finite number from 0"),
        ({"maximum": 4.0}, "maximum must be a finite number from 5 to"),
        ({"maximum": np.inf}, "maximum must be a finite number from 5 to"),
        ({"maximum": 10**400}, "maximum must be a finite number from 5 to"),
        ({"share": 1.1}, "share must be a finite number from 0 to 1, got 1.1"),
        ({"values": np.ones(2, np.float16), "maximum": 7e4}, "maximum .* to 65504"),
    ],
)
def test_constants_that_cannot_be_are_refused(wrong, message):
    """By name, with their bounds."""
    with pytest.raises(ValueError, match=message):
        scale(**({"values": np.ones(2), "knee": 5.0, "maximum": 9.0} | wrong))


@pytest.mark.parametrize(
    "values",
    [["a"], np.array([1j]), torch.ones(1).to("meta"), np.array([None])],
    ids=range(4),
)
def test_values_that_are_no_numbers_are_refused(values):
    """By name."""
    with pytest.raises(TypeError, match="values must be"):
        scale(values, knee=1, maximum=2)


@pytest.mark.parametrize("constants", CONSTANTS)
def test_numpy_and_tensor_agree(constants):
    """Arrays and tensors give the same numbers, each in its own kind."""
    values = np.linspace(0, 20, 41)
    scaled = scale(values, **constants)
    tensor = scale(torch.tensor(values), **constants)
    assert isinstance(scaled, np.ndarray)
    assert tensor.dtype == torch.float64
    np.testing.assert_allclose(tensor.numpy(), scaled, rtol=1e-14)


@pytest.mark.parametrize("constants", CONSTANTS)
def test_single_precision_stays(constants):
    """float32 in, float32 out."""
    values = np.linspace(0, 20, 41, dtype=np.float32)
    assert scale(values, **constants).dtype == np.float32
    assert scale(torch.tensor(values), **constants).dtype == torch.float32


@pytest.mark.parametrize("scaled", [scale, two_lines])
def test_constants_are_named(scaled):
    """Nobody can mix up knee and maximum."""
    with pytest.raises(TypeError, match="positional"):
        scaled(np.ones(2), 50, 800)


def test_booleans_are_zeros_and_ones():
    """In float64, of an array and of a tensor."""
    flags = np.array([True, False])
    for values in (flags, torch.tensor(flags)):
        found = scale(values, knee=0.5, maximum=1)
        assert str(found.dtype).endswith("float64")
        assert found.tolist() == [1, 0]


def test_a_fifth_is_for_values_up_to_the_knee():
    """By default, with checks and without."""
    values = np.array([5.0, 10.0])
    for scaled in (scale, two_lines):
        assert scaled(values, knee=10, maximum=20).tolist() == [0.1, 0.2]
