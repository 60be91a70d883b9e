"""Finding the touched rows of embedding tables."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sklabelcraft._batches import Batch, share
from sklabelcraft._rows import RowFinder, table_columns
from sklabelcraft.modules import DIN, Embeddings

SIZES = [6, 9, 4]


def random_batch(n, m, length, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(shape, columns):
        parts = [torch.randint(SIZES[j], shape, generator=generator) for j in columns]
        return torch.stack(parts, dim=-1)

    past_of = torch.randint(m, (n,), generator=generator)
    return Batch(
        draw((n,), range(3)),
        torch.zeros(n, 0),
        draw((5,), [2, 1]),
        torch.randint(5, (m, length), generator=generator),
        torch.ones(m, length),
        past_of,
        torch.arange(n),
    )


def make_din():
    torch.manual_seed(0)
    return DIN(SIZES, 0, 1, 3, (4,), past_columns=(2, 1))


@settings(deadline=None)
@given(n=st.integers(1, 9), length=st.integers(0, 4), seed=st.integers(0, 99))
def test_scores_on_touched_rows_are_those_on_whole_tables(n, length, seed):
    """The found rows, each once, and the renumbered batches give the same scores."""
    module = make_din()
    batches = [random_batch(n, 2, length, seed), random_batch(3, 1, 2, seed + 1)]
    before = [batch.codes.clone() for batch in batches]
    rows, found = RowFinder(module, (2, 1)).find(*batches)
    theta = dict(module.named_parameters())
    for name, column in table_columns(module).items():
        assert len(rows[column].unique()) == len(rows[column])
        theta[name] = theta[name][rows[column]]
    for batch, small, codes in zip(batches, found, before, strict=True):
        score = torch.func.functional_call(module, theta, (small,))
        torch.testing.assert_close(score, module(batch))
        assert (batch.codes == codes).all()


def test_tables_are_found_by_the_column_they_embed():
    """Also where several parts of a module embed the same columns."""
    module = nn.ModuleDict({"wide": Embeddings([4], 1), "deep": Embeddings([4, 3], 2)})
    assert table_columns(module) == {
        "wide.tables.0.weight": 0,
        "deep.tables.0.weight": 0,
        "deep.tables.1.weight": 1,
    }
    assert table_columns(Embeddings([4], 1)) == {"tables.0.weight": 0}


windows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1)


@settings(deadline=None)
@given(windows)
def test_share_gives_each_row_its_window_and_a_seat_of_its_own(pairs):
    """Nobody sits on another's seat, and there are not many more seats than rows."""
    start = torch.tensor([first for first, _ in pairs])
    stop = start + torch.tensor([length for _, length in pairs])
    first, last, window, seat = share(start, stop, 10)
    assert (first[window] == start).all()
    assert (last[window] == stop).all()
    places = set(zip(window.tolist(), seat.tolist(), strict=True))
    assert len(places) == len(pairs)
    assert len(first) * (int(seat.max()) + 1) <= 10 * len(pairs)


def test_a_crowded_window_is_repeated():
    """Ninety rows with one past and ten alone do not make a table of 11 x 90."""
    start = torch.cat([torch.zeros(90, dtype=torch.int64), torch.arange(10)])
    first, _, _, seat = share(start, start + 3, 100)
    assert len(first) == 9 + 3
    assert int(seat.max()) == 39
