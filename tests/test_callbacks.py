"""Progress and monitoring by scikit-learn's callbacks."""

import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV

from sklabelcraft import (
    D2Q,
    MLP,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    nwtg_scorer,
)


class Recorder:
    """Notes every task, and asks to stop after an epoch."""

    def __init__(self, stop_after=None):
        self.begun, self.ended, self.fitted = [], [], []
        self.stop_after = stop_after

    def setup(self, estimator, context):
        self.ready = True

    def teardown(self, estimator, context):
        self.ready = False

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.ended.append(context.task_name)
        if fitted_estimator is not None:
            self.fitted.append(fitted_estimator)
        return self.ended.count("epoch") == self.stop_after


@pytest.fixture
def ranker():
    network = MLP(embedding_dim=4, hidden=(8,))
    rates = {"learning_rate": 0.01, "batch_size": 512}
    return MLPRanker(network, max_epochs=3, patience=3, **rates)


@pytest.fixture(params=["joint", "labeler"])
def recommender(request, ranker):
    """A recommender whose ranker is trained along with the label, or after it."""
    crafter = LabelCrafter(starts=[(1, 0, 3)], warmup_epochs=0)
    labeler = crafter if request.param == "joint" else WatchTime()
    return LabelCraftRecommender(labeler, ranker, random_state=0)


def test_a_ranker_tells_of_epochs_and_steps(ranker, log):
    """Every task that begins ends, and after each epoch the ranker can predict."""
    recorder = Recorder()
    ranker.set_callbacks(recorder).fit(log.data, log.preference)
    assert recorder.begun.count("epoch") == 3
    assert sorted(recorder.begun) == sorted(recorder.ended)
    n_steps = recorder.begun.count("step")
    assert n_steps == 3 * -(-2160 // 512)  # a tenth of the 2,400 rows is held out
    assert len(recorder.fitted) == 4
    first, *_, last = (fitted.predict(log.data) for fitted in recorder.fitted)
    assert (first != last).any()
    assert (last == ranker.predict(log.data)).all()
    assert not recorder.ready


def test_a_crafter_tells_of_starts(ranker, log):
    """Each start has its epochs, after which there is a label."""
    recorder = Recorder()
    crafter = LabelCrafter(ranker, k=5, random_state=0).set_callbacks(recorder)
    crafter.fit(log.frame)
    assert recorder.begun.count("start") == 2
    assert sorted(recorder.begun) == sorted(recorder.ended)
    for fitted in recorder.fitted:
        assert fitted.transform(log.frame).std() > 0.01


def test_what_is_told_does_not_change_what_is_learned(recommender, log):
    """With and without callbacks, the scores are the same."""
    expected = recommender.fit(log.data, log.target).predict(log.data)
    recommender.set_callbacks(Recorder()).fit(log.data, log.target)
    assert (recommender.predict(log.data) == expected).all()


def test_a_recommender_can_be_monitored_epoch_by_epoch(recommender, log):
    """The monitor scores the recommender, its ranker as it is after each epoch."""
    monitor = ScoringMonitor(scoring={"nwtg": nwtg_scorer})
    recommender.set_callbacks(monitor).fit(log.data, log.target)
    data = monitor.get_logs().data_as_pandas
    epochs = data.query("task_name == 'epoch'")["nwtg"]
    assert len(epochs) == 3
    assert epochs.nunique() == 3
    final = nwtg_scorer(recommender, log.data, log.target)
    assert final == pytest.approx(data.query("task_name == 'fit'")["nwtg"].iloc[0])


def test_nothing_is_reconstructed_that_nobody_hears_of(recommender, log, monkeypatch):
    """Without callbacks, the ranker is taken over once, at the end of its training."""
    adopted = []
    adopt = MLPRanker.adopt

    def count(self, *learned):
        adopted.append(learned)
        return adopt(self, *learned)

    monkeypatch.setattr(MLPRanker, "adopt", count)
    recommender.fit(log.data, log.target)
    assert len(adopted) == 1


def test_a_callback_can_stop_training(recommender, log):
    """Stopping after the first epoch leaves what that has learned."""
    recorder = Recorder(stop_after=1)
    recommender.set_callbacks(recorder).fit(log.data, log.target)
    assert recorder.ended.count("epoch") == 1
    scores = recommender.predict(log.data)
    assert (scores == recorder.fitted[0].predict(log.data)).all()


def test_parts_get_their_callbacks_back(ranker, log):
    """A monitor of the ranker alone hears of it, and is the only one left there."""
    monitor = ScoringMonitor(scoring="r2")
    recommender = LabelCraftRecommender(D2Q(), ranker.set_callbacks(monitor))
    recorder = Recorder()
    recommender.set_callbacks(recorder).fit(log.data, log.target)
    assert len(monitor.get_logs().data_as_pandas.query("task_name == 'epoch'")) == 3
    heard = len(recorder.begun)
    recommender.ranker_.fit(log.data, log.preference)
    assert len(recorder.begun) == heard


def test_a_failing_fit_tears_callbacks_down(recommender, log):
    """And leaves nothing else behind."""
    recorder = Recorder()
    recommender.set_callbacks(recorder)
    with pytest.raises(ValueError, match="Negative values"):
        recommender.fit(log.data, log.target.assign(watch_time=-1.0))
    assert not recorder.ready
    assert not [name for name in vars(recommender) if name.endswith("_")]


def test_progress_bar_in_a_parallel_search(recommender, log, capsys):
    """Bars for the epochs are shown from within the jobs of a search."""
    grid = {"ranker__learning_rate": [0.1]}
    search = GridSearchCV(recommender, grid, cv=2, n_jobs=2, scoring=nwtg_scorer)
    search.set_callbacks(ProgressBar(max_propagation_depth=None))
    search.fit(log.data, log.target)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert "LabelCraftRecommender" in shown
    assert "epoch" in shown


def test_a_fit_prints_nothing(recommender, log, capsys):
    """Without callbacks there is no output."""
    recommender.fit(log.data, log.target)
    captured = capsys.readouterr()
    assert not captured.out
    assert not captured.err


def test_a_recommender_hears_of_every_epoch_of_its_parts(ranker, log):
    """Of the label and then of the ranker, which has learned by the last one."""
    recorder = Recorder()
    small = clone(ranker).set_params(max_epochs=1)
    crafter = LabelCrafter(small, starts=[(1, 0, 3)], warmup_epochs=1)
    recommender = LabelCraftRecommender(crafter, ranker, random_state=0)
    recommender.set_callbacks(recorder).fit(log.data, log.target)
    assert recorder.begun.count("epoch") == 2 + 3
    assert (
        recorder.begun.count("fit-labeler") == recorder.begun.count("fit-ranker") == 1
    )
    assert sorted(recorder.begun) == sorted(recorder.ended)
    *_, last = recorder.fitted
    assert (last.predict(log.data) == recommender.predict(log.data)).all()
