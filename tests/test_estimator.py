"""What parts inherit, what is stated, and parameters of parts that are None."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklabelcraft import (
    D2Q,
    MLP,
    Columns,
    DINRanker,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    compare_labelers,
    nwtg_scorer,
)
from sklabelcraft._estimator import inherit, seed_of, stated_by
from sklabelcraft.datasets import make_short_videos

NAMES = Columns(user="uid")
QUICK = MLPRanker(MLP(embedding_dim=2, hidden=(4,)), max_epochs=1)


@pytest.fixture(scope="module")
def small():
    """A log on which anything trains in a blink."""
    return make_short_videos(n_users=20, n_items=40, n_impressions=60, random_state=0)


@pytest.fixture
def crafter():
    return LabelCrafter(QUICK, starts=[(0, 1, 1)], hidden=(4,))


def test_only_what_is_open_is_inherited():
    """By the next part of this library, which hands on to its own parts."""
    recommender = LabelCraftRecommender(
        LabelCrafter(DINRanker(columns=NAMES, random_state=3), k=4), k=5
    )
    usual = Columns()
    heir = inherit(recommender, random_state=1, columns=usual, k=9)
    assert heir.k == 5
    assert heir.columns is usual
    assert heir.labeler.k == 4
    assert heir.labeler.columns is None  # it inherits those of its recommender
    assert heir.labeler.ranker.columns == NAMES
    assert heir.random_state == 1
    assert heir.labeler.random_state is None
    assert heir.labeler.ranker.random_state == 3
    assert recommender.columns is None  # it is a clone that inherits


def test_each_part_inherits_from_the_one_around_it(small, crafter):
    """A ranker sees the columns of its label, not those of the recommender."""
    crafter.set_params(columns=Columns(features=("user_id", "item_id")))
    recommender = LabelCraftRecommender(crafter, k=3, random_state=0)
    trained = recommender.fit(small.data, small.target)
    assert trained.ranker_.features_ == ["user_id", "item_id"]
    assert trained.ranker_.columns.features == ("user_id", "item_id")
    piped = inherit(make_pipeline("passthrough", crafter), columns=NAMES, k=9)[-1]
    assert (piped.columns, piped.k) == (crafter.columns, 9)


def test_parts_of_others_inherit_the_random_state_alone():
    """Their columns and k are theirs, also where they are None."""

    class Foreign(BaseEstimator):
        def __init__(self, k=None, columns=None, random_state=None):
            self.k, self.columns, self.random_state = k, columns, random_state

    pipeline = make_pipeline(StandardScaler(), Foreign())
    heir = inherit(pipeline, random_state=1, columns=NAMES, k=9)[-1]
    assert (heir.k, heir.columns, heir.random_state) == (None, None, 1)


def test_a_stated_value_is_kept_also_if_it_is_the_usual_one(small, crafter):
    """k=10 on the label is no other k, and its columns are its own."""
    crafter.set_params(k=10, columns=Columns())
    names = Columns(duration="seconds")
    recommender = LabelCraftRecommender(crafter, k=5, random_state=0)
    trained = recommender.fit(small.data, small.target).labeler_
    assert trained.k == 10
    renamed = recommender.set_params(columns=names)
    with pytest.raises(ValueError, match="column 'duration' is not in the log"):
        renamed.fit(small.data.rename(columns={"duration": "seconds"}), small.target)


def test_columns_stated_on_a_labeler_are_kept(small):
    """It reads others than the recommender around it."""
    y = small.target.assign(half=small.target["watch_time"] / 2 + 1)
    own = WatchTime(columns=Columns(watch_time="half"))
    recommender = LabelCraftRecommender(own, QUICK, random_state=0)
    recommender.fit(small.data, y)
    log = small.frame.assign(half=y["half"])
    expected = own.fit_transform(log)
    np.testing.assert_array_equal(recommender.labeler_.transform(log), expected)
    assert recommender.labeler_.columns.watch_time == "half"


def test_explicit_feedback_stated_on_a_label_is_kept(small, crafter):
    """It is made of that alone, whatever the recommender around it counts."""
    crafter.set_params(columns=Columns(explicit=("like",)))
    recommender = LabelCraftRecommender(crafter, k=3, random_state=0)
    trained = recommender.fit(small.data, small.target).labeler_
    assert trained.explicit_ == ["like"]
    none = small.frame.assign(like=0)
    follows = none.assign(follow=1)
    np.testing.assert_array_equal(trained.transform(none), trained.transform(follows))


def test_columns_stated_on_a_ranker_are_kept(small):
    """It sees what it was told to see."""
    few = clone(QUICK).set_params(columns=Columns(features=("item_id",)))
    recommender = LabelCraftRecommender(D2Q(), few).fit(small.data, small.target)
    assert recommender.ranker_.features_ == ["item_id"]


@pytest.mark.parametrize("joint", [True, False])
def test_the_k_of_a_label_is_searched_over(small, crafter, joint):
    """Each candidate is trained for its own, whatever the recommender's is."""
    labels = {}

    def score(recommender, X, y):
        labels[recommender.labeler_.k] = recommender.labeler_.transform(small.frame)
        return nwtg_scorer(recommender, X, y)

    search = GridSearchCV(
        LabelCraftRecommender(crafter, None if joint else QUICK, k=3, random_state=0),
        {"labeler__k": [3, 5, 10]},
        cv=[(np.arange(len(small.data)), np.arange(len(small.data)))],
        scoring=score,
        refit=False,
        error_score="raise",
    )
    search.fit(small.data, small.target)
    assert list(labels) == [3, 5, 10]
    assert len({label.tobytes() for label in labels.values()}) == 3


def test_a_crafter_is_trained_for_the_k_that_lists_are_compared_by(small, crafter):
    """It inherits it where it states none; two lengths train for the longer."""
    stated = clone(crafter).set_params(k=3)
    for k, expected in ((5, 5), ([3, 5], 5)):
        found = compare_labelers(
            {"open": crafter, "stated": stated},
            small.data,
            small.target,
            cv={"train": np.arange(1200), "test": np.arange(1200)},
            k=k,
            n_seeds=1,
            n_bootstrap=2,
            return_estimator=True,
            random_state=0,
        )
        trained = {name: e[0].labeler_.k for name, e in found.estimators.items()}
        assert trained == {"open": expected, "stated": 3}


def test_the_random_state_of_a_ranker_acts_in_a_crafter(small, crafter):
    """Stated ones differ; one of None is the crafter's."""

    def labels(of_ranker, of_crafter=0):
        made = clone(crafter).set_params(
            ranker__random_state=of_ranker, random_state=of_crafter
        )
        return made.fit(small.frame).transform(small.frame)

    assert (labels(1) != labels(2)).any()
    np.testing.assert_array_equal(labels(1), labels(1))
    np.testing.assert_array_equal(labels(0), labels(None))
    assert (labels(1, 0) != labels(1, 5)).any()


def test_nested_parameters_make_the_parts_they_name():
    """What is None stands for a default part, with its default network."""
    recommender = LabelCraftRecommender()
    recommender.set_params(
        labeler__k=3, ranker__max_epochs=1, ranker__network__hidden=(4,)
    )
    assert isinstance(recommender.labeler, LabelCrafter)
    assert recommender.labeler.k == 3
    assert isinstance(recommender.ranker, MLPRanker)
    assert recommender.ranker.max_epochs == 1
    assert recommender.ranker.network.hidden == (4,)
    assert recommender.ranker.network.embedding_dim == MLP().embedding_dim
    deeper = LabelCraftRecommender().set_params(labeler__ranker__network__hidden=(2,))
    assert deeper.labeler.ranker.network.hidden == (2,)


def test_a_part_that_is_set_at_once_is_the_one_that_is_meant():
    """Parameters of a part that is given beside them are set on that."""
    recommender = LabelCraftRecommender().set_params(
        ranker=DINRanker(), ranker__max_epochs=2
    )
    assert isinstance(recommender.ranker, DINRanker)
    assert recommender.ranker.max_epochs == 2


def test_unknown_nested_parameters_are_errors():
    """Also on parts that are None."""
    with pytest.raises(
        ValueError, match="Invalid parameter 'epochs' for estimator MLP"
    ):
        LabelCraftRecommender().set_params(ranker__epochs=3)
    with pytest.raises(ValueError, match="Invalid parameter 'depth' for estimator MLP"):
        MLPRanker().set_params(network__depth=3)


def test_parts_that_are_none_are_searched_over(small):
    """Parameters of parts at their defaults, and of their networks."""
    grid = {
        "ranker__max_epochs": [1],
        "ranker__network__hidden": [(4,), (2, 2)],
        "labeler__k": [3],
        "labeler__starts": [[(0, 1, 1)]],
    }
    search = GridSearchCV(
        LabelCraftRecommender(random_state=0),
        grid,
        cv=2,
        scoring=nwtg_scorer,
        error_score="raise",
    )
    best = search.fit(small.data, small.target).best_estimator_
    assert best.labeler_.k == 3
    assert best.ranker_ is best.labeler_.ranker_
    assert best.ranker_.network.hidden == search.best_params_["ranker__network__hidden"]


def test_a_random_state_serves_several_parts_alike():
    """A generator is turned into one seed; what can be shared stays as it is."""
    assert seed_of(3) == 3
    assert seed_of(None) is None
    seeds = [seed_of(np.random.RandomState(0)) for _ in range(2)]
    assert seeds[0] == seeds[1]
    assert isinstance(seeds[0], int)


def test_what_an_estimator_states_is_found_inside_of_others():
    """In pipelines and searches, by the outermost of this library."""
    recommender = LabelCraftRecommender(D2Q(columns=Columns()), k=4, columns=NAMES)
    search = GridSearchCV(make_pipeline(StandardScaler(), recommender), {})
    assert stated_by(search, "columns") is NAMES
    assert stated_by(search, "k") == 4
    assert stated_by(LogisticRegression(), "columns") is None
    assert stated_by(LabelCraftRecommender(LabelCrafter(k=3)), "k") is None
