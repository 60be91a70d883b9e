"""The lists that recommenders make: the best of all items that are left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from members import EXAMPLES, arguments, users_and_items
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from sklabelcraft import (
    D2Q,
    DIN,
    Columns,
    DINRanker,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    _shown,
)
from sklabelcraft._log import Log
from sklabelcraft._recommending import BaseRecommender, Rows
from sklabelcraft.persistence import load, save

IDS = ["user_id", "item_id"]
EAST = timezone(timedelta(hours=8))
UNSEEN = {"exclude_seen": False}


class Scored(BaseRecommender):
    """Scores a user and an item by a function of their ids."""

    def __init__(self, function, *, columns=None, k=None):
        self.function, self.columns, self.k = function, columns, k

    def fit(self, X, y=None):
        """Learn what was seen."""
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self._remember_seen(Rows(Log(X), None, X))
        return self

    def predict(self, X):
        """Score the rows."""
        values = zip(X["user_id"], X["item_id"], strict=True)
        return np.array([self.function(*pair) for pair in values], dtype=float)


def table(name, values):
    return pd.DataFrame({name: pd.Series(values, dtype=object).infer_objects()})


def listed(frame):
    """The rows of a list, as tuples."""
    return list(frame.itertuples(index=False, name=None))


def test_lists_by_hand():
    """Users in their order, the highest score first, seen items left out."""
    scores = {(1, 7): 0.5, (1, 8): 0.9, (1, 9): 0.1}
    scores |= {(2, 7): 0.2, (2, 8): 0.3, (2, 9): 0.4}
    made = Scored(lambda *pair: scores[pair]).fit(
        pd.DataFrame({"user_id": [1, 3], "item_id": [8, 9]})
    )
    users, items = table("user_id", [2, 1]), table("item_id", [9, 7, 8])
    found = made.recommend(users, items, k=2)
    assert list(found.columns) == ["user_id", "item_id", "rank", "score"]
    wanted = [(2, 9, 1, 0.4), (2, 8, 2, 0.3), (1, 7, 1, 0.5), (1, 9, 2, 0.1)]
    assert listed(found) == wanted
    found = made.recommend(users, items, k=1, exclude_seen=False)
    assert listed(found) == [(2, 9, 1, 0.4), (1, 8, 1, 0.9)]
    log = pd.DataFrame({"user_id": [2, 2, 2], "item_id": [9, 8, 7], "more": 0})
    found = made.recommend(users, items, exclude_seen=log)
    assert listed(found) == [(1, 8, 1, 0.9), (1, 7, 2, 0.5), (1, 9, 3, 0.1)]
    assert list(found["rank"]) == list(found.index + 1)


NUMBERS = st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True)
TEXTS = st.lists(st.text("abAB", max_size=2), min_size=1, max_size=8, unique=True)


@given(st.data(), NUMBERS, NUMBERS | TEXTS, st.integers(1, 10), st.integers(1, 30))
def test_lists_are_those_of_predict(data, users, items, k, at_once):
    """Of all pairs that are left, whatever ties there are and how they are cut."""
    pair = st.tuples(st.sampled_from(users), st.sampled_from(items))
    seen = set(data.draw(st.lists(pair, max_size=20)))
    levels = data.draw(st.integers(1, 4))

    def function(user, item):
        return (user + len(str(item)) * 3 + sum(map(ord, str(item)))) % levels

    log = pd.DataFrame(list(seen | {(99, items[0])}), columns=IDS)
    made = Scored(function, k=k).fit(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shown, "AT_ONCE", at_once)
        found = made.recommend(table("user_id", users), table("item_id", items))
    wanted = []
    for user in users:
        left = [item for item in items if (user, item) not in seen]
        left = sorted(left, key=lambda item: (-function(user, item), item))[:k]
        wanted += [(user, i, n + 1, function(user, i)) for n, i in enumerate(left)]
    assert listed(found) == wanted


@pytest.mark.parametrize(
    "ids",
    [
        [3, 1, 2],
        ["b", "a", "B"],
        [2.5, None, 1.0],
        [2**60 + 1, None, 2**60],
        ["b", None, "a"],
        [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-01-01")],
        [1, "a", (2, 3)],
        [1, "1", 2.5],
        [pd.Timedelta(days=2), pd.Timedelta(days=10), None, pd.Timedelta(days=1)],
        [datetime(2024, 1, 1, 8, tzinfo=EAST), datetime(2024, 1, 1, 1, tzinfo=UTC)],
        [(10,), (9,)],
        [True, False],
    ],
    ids=str,
)
def test_equal_scores_are_in_the_order_of_the_ids(ids):
    """Whatever these are; a missing one comes last."""
    made = Scored(lambda user, item: 1.0).fit(pd.DataFrame({n: [0] for n in IDS}))
    lists = []
    for values in (ids, ids[::-1]):
        items = pd.DataFrame({"item_id": pd.Series(values, dtype=object)})
        found = made.recommend(table("user_id", [1]), items, **UNSEEN)
        lists.append(["missing" if pd.isna(i) is True else i for i in found["item_id"]])
    assert lists[0] == lists[1]
    there = [value for value in ids if value is not None]
    if len({type(value) for value in there}) == 1:
        assert lists[0] == sorted(there) + ["missing"] * (None in ids)


OTHERS = {
    "past": LabelCraftRecommender(
        WatchTime(), DINRanker(DIN(history_length=3, hidden=(4,)), max_epochs=1)
    ),
    "classifier": LabelCraftRecommender(
        D2Q(),
        make_pipeline(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            LogisticRegression(),
        ),
    ),
}
RECOMMENDERS = OTHERS | {k: e for k, e in EXAMPLES.items() if "Recommender" in k}


@pytest.fixture(scope="module")
def fitted(small_log):
    """Recommenders by name, each fitted once; nobody may change them."""

    @cache
    def fitted(key):
        return clone(RECOMMENDERS[key]).fit(*arguments(RECOMMENDERS[key], small_log))

    return fitted


@pytest.mark.parametrize("key", RECOMMENDERS)
def test_scores_are_those_of_predict(key, small_log, fitted, monkeypatch):
    """Bit by bit, of all recommenders; those seen in fit are left out, no others."""
    monkeypatch.setattr(_shown, "AT_ONCE", 70)
    users, items = users_and_items(small_log)
    found = fitted(key).recommend(users, items, k=len(items))
    pairs = users.merge(items, how="cross")[small_log.data.columns]
    scores = fitted(key).predict(pairs)
    if key.endswith("another ranker") or key == "classifier":
        scores = pd.Series(scores, pd.MultiIndex.from_frame(pairs[IDS]))
        same = scores[pd.MultiIndex.from_frame(found[IDS])].to_numpy()
        np.testing.assert_allclose(found["score"], same, rtol=1e-12)
    else:
        both = found.merge(pairs.assign(predicted=scores), on=IDS)
        np.testing.assert_array_equal(both["score"], both["predicted"])
    had = set(small_log.data[IDS].itertuples(index=False, name=None))
    everything = set(pairs[IDS].itertuples(index=False, name=None))
    assert set(found[IDS].itertuples(index=False, name=None)) == everything - had
    falls = found.groupby("user_id")["score"].apply(lambda s: s.is_monotonic_decreasing)
    assert falls.all()


CONTAINERS = {
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "nullable": lambda frame: frame.convert_dtypes(),
    "category": lambda frame: frame.astype(
        {n: "category" for n in ("user_id", "item_id", "tag") if n in frame}
    ),
    "index": lambda frame: frame.set_axis(np.zeros(len(frame))),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers(container, small_log, fitted):
    """The same lists in the kind of frame that the users came in."""
    recommender = fitted("LabelCraftRecommender of two parts")
    wanted = recommender.recommend(*users_and_items(small_log))
    users, items = map(CONTAINERS[container], users_and_items(small_log))
    found = recommender.recommend(users, items)
    assert type(found) is type(users)
    assert (
        found["user_id"].dtype == users["user_id"].dtype if container != "arrow" else 1
    )
    found = found.to_pandas() if container in ("polars", "arrow") else found
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


def test_the_order_of_rows_and_columns_decides_nothing(small_log, fitted):
    """Neither do further columns; users stay in the order they are given in."""
    recommender = fitted("LabelCraftRecommender of two parts")
    users, items = users_and_items(small_log)
    wanted = recommender.recommend(users, items)
    mixed = items.sample(frac=1, random_state=0).assign(more=1)[::-1]
    found = recommender.recommend(users[users.columns[::-1]], mixed)
    pd.testing.assert_frame_equal(found, wanted)
    found = recommender.recommend(users[::-1], items)
    assert list(found["user_id"].unique()) == list(users["user_id"][::-1])


def test_few_pairs_are_scored_at_a_time(small_log, fitted, monkeypatch):
    """As many as fit, or one user beside all items."""
    recommender, sizes = fitted("LabelCraftRecommender of two parts"), []
    predict = type(recommender).predict

    def noted(self, X):
        sizes.append(len(X))
        return predict(self, X)

    monkeypatch.setattr(type(recommender), "predict", noted)
    monkeypatch.setattr(_shown, "AT_ONCE", 100)
    recommender.recommend(*users_and_items(small_log))
    assert sizes == [90] * 6 + [60]
    monkeypatch.setattr(_shown, "AT_ONCE", 7)
    recommender.recommend(*users_and_items(small_log))
    assert sizes[7:] == [30] * 20


def test_unknown_users_and_items(small_log, fitted):
    """They are scored as predict does, and nothing was seen by them or of them."""
    recommender = fitted("LabelCraftRecommender of two parts")
    users, items = users_and_items(small_log)
    users, items = (
        users[:1].assign(user_id=999),
        items.assign(item_id=500 + items.index),
    )
    found = recommender.recommend(users, items, k=100)
    assert len(found) == len(items)
    pairs = users.merge(items, how="cross")[small_log.data.columns]
    scores = dict(zip(pairs["item_id"], recommender.predict(pairs), strict=True))
    assert list(found["score"]) == [scores[item] for item in found["item_id"]]


def test_the_length_is_that_of_the_recommender(small_log, fitted):
    """Unless it is stated."""
    recommender = fitted("LabelCraftRecommender of two parts")
    given = users_and_items(small_log)
    assert recommender.k == 3
    assert recommender.recommend(*given, **UNSEEN)["rank"].max() == 3
    assert recommender.recommend(*given, k=5, **UNSEEN)["rank"].max() == 5


def test_columns_of_other_names(small_log):
    """Lists have those of the log, which are stated by name or by position."""
    names = {"user_id": "who", "item_id": "what", "duration": "length"}
    X = small_log.data.rename(columns=names)
    users, items = (part.rename(columns=names) for part in users_and_items(small_log))
    wanted = None
    stated = Columns(user="who", item="what", duration="length")
    for columns in (stated, replace(stated, user=0, item=1, duration=2)):
        recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
        recommender.set_params(columns=columns).fit(X, small_log.target)
        found = recommender.recommend(users, items)
        assert list(found.columns) == ["who", "what", "rank", "score"]
        if wanted is not None:
            pd.testing.assert_frame_equal(found, wanted)
        wanted = found


@pytest.mark.parametrize("role", ["user", "item"])
@pytest.mark.parametrize("name", ["rank", "score"])
def test_ids_are_not_written_over(role, name, small_log):
    """Ids in a column that is called as one that recommend makes are refused."""
    names = {f"{role}_id": name}
    X = small_log.data.rename(columns=names)
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.set_params(columns=replace(Columns(), **{role: name}))
    recommender.fit(X, small_log.target)
    given = [part.rename(columns=names) for part in users_and_items(small_log)]
    table = {"user": "X_users", "item": "items"}[role]
    with pytest.raises(ValueError, match=f"ids of {table} are in .* '{name}'.*rename"):
        recommender.recommend(*given)


def test_missing_ids_are_one_more(small_log):
    """A missing user has a list, and has seen what rows without a user show."""
    data = small_log.data.assign(user_id=small_log.data["user_id"].replace(3, None))
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.fit(data, small_log.target)
    users, items = users_and_items(small_log)
    users = users[:1].assign(user_id=None)
    found = recommender.recommend(users, items, k=100)
    had = small_log.data[small_log.data["user_id"] == 3]["item_id"]
    assert set(found["item_id"]) == set(items["item_id"]) - set(had)


def seen_pairs(seen):
    """The pairs as the ids that they are of."""
    users = np.repeat(np.arange(len(seen.starts) - 1), np.diff(seen.starts)) - 1
    users = seen.users.ids().values[users]
    return set(zip(users, seen.items.ids().values[seen.codes - 1], strict=True))


def pairs_in(*frames):
    return {pair for X in frames for pair in X[IDS].itertuples(index=False, name=None)}


@pytest.mark.parametrize("key", ["LabelCraftRecommender", "FusedRecommender"])
def test_held_out_rows_are_seen_as_well(key, log):
    """Given or taken from X; also ids that occur once and share a code."""
    train, valid = (
        (log.data.iloc[rows], log.target.iloc[rows])
        for rows in (log.split.train, log.split.valid)
    )
    train[0].loc[train[0].index[0], "item_id"] = 12345
    apart = clone(EXAMPLES[key]).fit(*train, *valid)
    assert seen_pairs(apart.seen_) == pairs_in(train[0], valid[0])
    alone = clone(EXAMPLES[key]).fit(*train)
    assert seen_pairs(alone.seen_) == pairs_in(train[0])


@pytest.mark.parametrize("seen", [True, "log"])
def test_dates_of_another_kind_are_refused(seen, small_log):
    """As ids, of which nothing that was seen would be recognised."""
    of_dates = {i: pd.Timestamp(2024, 1, 1, i) for i in range(24)}

    def dated(frame, zone=None):
        dates = pd.to_datetime(frame["item_id"].mod(24).map(of_dates))
        return frame.assign(item_id=dates.dt.tz_localize(zone))

    X, (users, items) = dated(small_log.data), users_and_items(small_log)
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.set_params(columns=Columns(features=("duration",)))
    recommender.fit(X, small_log.target)
    items = items[items["item_id"] < 24]
    exclude = {True: True, "log": X}[seen]
    recommender.recommend(users, dated(items), exclude_seen=exclude)
    with pytest.raises(ValueError, match=r"'item_id' .* dates with(out)? a time zone"):
        recommender.recommend(users, dated(items, "UTC"), exclude_seen=exclude)


def test_further_days_are_seen_as_well(small_log):
    """partial_fit adds to what was seen, and a fit begins anew."""
    days = [(small_log.data[i::2], small_log.target[i::2]) for i in range(2)]
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.partial_fit(*days[0])
    assert seen_pairs(recommender.seen_) == pairs_in(days[0][0])
    first = recommender.seen_
    recommender.partial_fit(*days[1])
    assert seen_pairs(recommender.seen_) == pairs_in(small_log.data)
    assert seen_pairs(first) == pairs_in(days[0][0])
    assert seen_pairs(recommender.fit(*days[1]).seen_) == pairs_in(days[1][0])


@pytest.mark.parametrize("key", ["LabelCraftRecommender", "FusedRecommender"])
def test_saves_know_what_was_seen(key, small_log, fitted, tmp_path):
    """And give the same lists."""
    save(fitted(key), tmp_path)
    loaded = load(tmp_path)
    assert seen_pairs(loaded.seen_) == pairs_in(small_log.data)
    wanted = fitted(key).recommend(*users_and_items(small_log))
    pd.testing.assert_frame_equal(loaded.recommend(*users_and_items(small_log)), wanted)


def test_logs_in_files(small_log, tmp_path):
    """The lists of a fit to files are those of the same table, seen row by row."""
    frame = small_log.frame[[*small_log.data, *small_log.target]]
    given = users_and_items(small_log)
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    wanted = clone(recommender).fit(small_log.data, small_log.target)
    wanted = wanted.recommend(*given)
    stored = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(stored, tmp_path / "log.parquet", row_group_size=50)
    recommender.fit(tmp_path)
    pd.testing.assert_frame_equal(recommender.recommend(*given), wanted)
    again = recommender.recommend(*given, exclude_seen=tmp_path)
    pd.testing.assert_frame_equal(again, wanted)
    again = recommender.recommend(*given, exclude_seen=frame[:0])
    everything = recommender.recommend(*given, exclude_seen=False)
    pd.testing.assert_frame_equal(again, everything)


def test_a_log_without_items(small_log):
    """Nothing is known to be seen of it; a list can leave nothing out, or a log."""
    X = small_log.data.drop(columns="item_id")
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.fit(X, small_log.target)
    assert recommender.seen_ is None
    with pytest.raises(ValueError, match="exclude_seen=True needs a log with users"):
        recommender.recommend(*users_and_items(small_log))
    given = users_and_items(small_log)
    assert len(recommender.recommend(*given, **UNSEEN)) == 3 * len(given[0])
    left = recommender.recommend(*given, k=100, exclude_seen=small_log.data)
    assert pairs_in(left).isdisjoint(pairs_in(small_log.data))


def change(users=lambda part: part, items=lambda part: part, **options):
    return users, items, options


WRONG = {
    "no frame": (change(users=np.asarray), "X_users must be a data frame, whose"),
    "items no frame": (change(items=np.asarray), "items must be a data frame, whose"),
    "lazy": (change(users=lambda u: pl.from_pandas(u).lazy()), "X_users must be"),
    "no user": (
        change(users=lambda u: u.drop(columns="user_id")),
        r"X_users must have the column 'user_id', got \['timestamp'\]",
    ),
    "no item": (
        change(items=lambda i: i.drop(columns="item_id")),
        "items must have the column 'item_id'",
    ),
    "no tag": (change(items=lambda i: i.drop(columns="tag")), "column 'tag' is not"),
    "no users": (change(users=lambda u: u[:0]), "X_users must have at least one row"),
    "no items": (change(items=lambda i: i[:0]), "items must have at least one row"),
    "twice": (
        change(users=lambda u: pd.concat([u, u[2:3]])),
        r"X_users must have one row for each 'user_id', got 2 for \d+\.$",
    ),
    "item twice": (
        change(items=lambda i: pd.concat([i, i[2:3]])),
        r"items must have one row for each 'item_id', got 2 for \d+\.$",
    ),
    "in both": (
        change(users=lambda u: u.assign(tag="a", item_id=1)),
        r"the columns \['item_id', 'tag'\] are in X_users and in items",
    ),
    "two libraries": (
        change(items=pl.from_pandas),
        "data frames of one library, got pandas and polars",
    ),
    "duration": (
        change(items=lambda i: i.assign(duration=[*[1.0] * 29, -2.0])),
        "duration.*row 29",
    ),
    "kind": (
        change(items=lambda i: i.assign(item_id=i["item_id"].astype(str))),
        "column 'item_id' held numbers in fit and holds text now",
    ),
    "k": (change(k=0), "k must be a whole number of at least 1, got 0"),
    "k no number": (change(k=2.0), "k must be a whole number of at least 1, got 2.0"),
    "k a truth": (change(k=True), "k must be a whole number of at least 1, got True"),
    "seen": (change(exclude_seen=None), "exclude_seen must be True, False or a log"),
    "seen text": (change(exclude_seen="nowhere"), "there is no file or folder"),
    "seen without": (
        change(exclude_seen=pd.DataFrame({"user_id": [1]})),
        "column 'item_id' is not in the log",
    ),
    "seen items of text": (
        change(exclude_seen=pd.DataFrame({"user_id": [1], "item_id": ["7"]})),
        "column 'item_id' holds text in exclude_seen, .* '7', and numbers in items",
    ),
    "seen users of text": (
        change(exclude_seen=pd.DataFrame({"user_id": [None, "7"], "item_id": 1})),
        "column 'user_id' holds text in exclude_seen, .* '7', and numbers in X_users",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_listed_is_refused(name, small_log, fitted):
    """The message says what of which table is wrong."""
    (of_users, of_items, options), message = WRONG[name]
    users, items = users_and_items(small_log)
    with pytest.raises(ValueError, match=message):
        fitted("LabelCraftRecommender of two parts").recommend(
            of_users(users), of_items(items), **options
        )


def test_arrays_have_no_names_to_tell_users_from_items(small_log):
    """The error asks for a data frame."""
    roles = {"user": 0, "item": 1, "duration": 2, "timestamp": 3}
    columns = Columns(**roles, watch_time=0, explicit=())
    recommender = LabelCraftRecommender(D2Q(), MLPRanker(max_epochs=1), columns=columns)
    recommender.fit(small_log.data.iloc[:, :4].to_numpy(), small_log.target.iloc[:, 0])
    with pytest.raises(ValueError, match="was fitted to an array: fit a data frame"):
        recommender.recommend(*users_and_items(small_log))


def test_lists_need_users_and_items(small_log):
    """A recommender that has no such columns says so."""
    recommender = clone(EXAMPLES["LabelCraftRecommender of two parts"])
    recommender.set_params(columns=Columns(user=None)).fit(
        *arguments(recommender, small_log)
    )
    with pytest.raises(ValueError, match=r"recommend needs Columns\(user=...\)"):
        recommender.recommend(*users_and_items(small_log))


def test_scores_must_be_numbers():
    """Those of another library may be none."""
    made = Scored(lambda user, item: np.nan).fit(pd.DataFrame({n: [0] for n in IDS}))
    with pytest.raises(ValueError, match="scores of some pairs are no finite numbers"):
        made.recommend(table("user_id", [1]), table("item_id", [1]), **UNSEEN)


def test_tables_of_nothing_that_was_learned_are_refused():
    """All items would be alike."""
    made = Scored(lambda user, item: 1.0).fit(table("user_id", [1]))
    with pytest.raises(ValueError, match="items have none of"):
        made.recommend(table("user_id", [1]), table("item_id", [1]), **UNSEEN)


def test_what_is_not_fitted_recommends_nothing(small_log):
    """The error is that of scikit-learn."""
    with pytest.raises(NotFittedError):
        LabelCraftRecommender().recommend(*users_and_items(small_log))
