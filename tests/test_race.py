"""How the starts of a label take turns."""

from contextlib import contextmanager
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._race import LAG, Race, Run

objectives = st.lists(st.floats(1, 1.3), min_size=1, max_size=8)


class Scripted:
    """A loop whose objectives are known beforehand."""

    def __init__(self, name, objectives, order):
        self.name, self.objectives, self.order = name, objectives, order
        self.history, self.max_epochs = [], len(objectives)

    @property
    def finished(self):
        """Whether all were told."""
        return len(self.history) == len(self.objectives)

    @property
    def best(self):
        """The highest so far."""
        return max(epoch["objective"] for epoch in self.history)

    def epoch(self, watch):
        """Tell the next one."""
        self.order.append(self.name)
        self.history.append({"objective": self.objectives[len(self.history)]})


class Told:
    """A watch that notes which subtasks have ended."""

    def __init__(self):
        self.ended, self.begun = [], 0

    @contextmanager
    def subtask(self, name, n):
        number, self.begun = self.begun, self.begun + 1
        yield number
        self.ended.append(number)


def raced(*scripts):
    """The winner's name, the order of the epochs, and the watch."""
    order, watch = [], Told()
    loops = [Scripted(name, script, order) for name, script in enumerate(scripts)]
    best = Race([Run((i,), None, loop) for i, loop in enumerate(loops)]).run(
        watch, None
    )
    return best.loop.name, order, watch


def test_a_start_that_falls_behind_drops_out():
    """After its second epoch, when it is 2 x 0.06 behind."""
    best, order, watch = raced([1.10] * 5, [1.16] * 5)
    assert best == 1
    assert order == [0, 1, 0, 1, 1, 1, 1]
    assert watch.ended == [0, 1]


def test_starts_that_are_close_go_on_to_the_end():
    """There the one that led furthest wins, whichever was ahead on the whole."""
    best, order, _ = raced([1.10, 1.10, 1.10], [1.10, 1.09, 1.14])
    assert best == 1
    assert order == [0, 1] * 3


def test_one_that_has_ended_is_compared_at_the_end():
    """It neither drops out nor pushes another out."""
    best, order, _ = raced([1.12], [1.10, 1.20, 1.10])
    assert best == 1
    assert order == [0, 1, 1, 1]
    assert raced([1.12], [1.10, 1.11, 1.05])[0] == 0


def test_a_checkpoint_hears_of_an_end_by_dropping_out():
    """The second start ends no epoch after the first, and the race is over."""
    loops = [Scripted(0, [1.3], []), Scripted(1, [1.1, 1.2], [])]
    contest, saved = Race([Run((i,), None, loop) for i, loop in enumerate(loops)]), []
    contest.keep_in(SimpleNamespace(save=lambda: saved.append(contest.finished)))
    assert contest.run(Told(), None).loop.name == 0
    assert not loops[1].finished
    assert saved == [True]


@settings(deadline=None)
@given(st.lists(objectives, min_size=1, max_size=4))
def test_the_leader_never_drops_out(scripts):
    """Who led furthest wins, unless it was behind; all have their turns in order."""
    best, order, watch = raced(*scripts)
    n_epochs = [order.count(name) for name in range(len(scripts))]
    assert n_epochs[best] == len(scripts[best])
    for name, script in enumerate(scripts):
        if n_epochs[name] == len(script):
            assert max(scripts[best]) >= max(script)
        else:
            n = n_epochs[name]
            totals = [sum(other[:n]) for other in scripts if len(other) >= n]
            assert sum(script[:n]) < max(totals) - LAG
    assert sorted(watch.ended) == list(range(len(scripts)))


def test_what_would_be_learned_is_that_of_the_start_at_hand():
    """A callback that looks between two epochs sees the last one's."""
    watch, seen = Told(), []

    class Looking(Scripted):
        def epoch(self, watch_of_start):
            super().epoch(watch_of_start)
            seen.append(watch.attributes())

    loops = [Looking(name, [1.0, 1.0], []) for name in "ab"]
    runs = [
        Run((name,), SimpleNamespace(), loop)
        for name, loop in zip("ab", loops, strict=True)
    ]
    Race(runs).run(watch, lambda run: run.start)
    assert seen == [("a",), ("b",), ("a",), ("b",)]
