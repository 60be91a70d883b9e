"""Every public member of the library, and for each estimator an example."""

import importlib
import inspect
import logging
import os
import pkgutil
import random
import re
import signal
import sys
import threading
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import torch
from sklearn import get_config
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_info

import sklabelcraft
from sklabelcraft import (
    CWM,
    D2Q,
    DCN,
    DIN,
    DVR,
    MLP,
    ConditionalCDF,
    D2Co,
    DCNRanker,
    DINRanker,
    ExplicitFeedback,
    FusedRecommender,
    KneeScaler,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.labelers import BaseLabeler
from sklabelcraft.rankers import BaseRanker

API = Path(__file__).resolve().parents[1] / "docs" / "api.rst"
MACHINERY = {"training"}  # which the documented API leaves out
TEMPLATES = {BaseLabeler, BaseRanker}  # to be subclassed

TINY = {"embedding_dim": 2, "hidden": (4,)}
QUICK = {"max_epochs": 1, "batch_size": 128, "random_state": 0}


def tiny():
    """A ranker that is fitted in a blink."""
    return MLPRanker(MLP(**TINY), **QUICK)


def tiny_crafter():
    """A label that is learned in a blink."""
    return LabelCrafter(
        tiny(),
        k=3,
        starts=[(0, 1, 1)],
        hidden=(4,),
        warmup_epochs=0,
        validation_users=10,
        random_state=0,
    )


EXAMPLES = {
    "WatchTime": WatchTime(),
    "ExplicitFeedback": ExplicitFeedback(),
    "PlayCompletion": PlayCompletion(),
    "PlayCompletionRate": PlayCompletionRate(),
    "D2Q": D2Q(n_groups=4),
    "ConditionalCDF": ConditionalCDF(("user", "duration"), n_groups=4),
    "DVR": DVR(n_groups=4),
    "D2Co": D2Co(n_groups=4),
    "CWM": CWM(),
    "LabelCrafter": tiny_crafter(),
    "KneeScaler": KneeScaler(),
    "MLPRanker": tiny(),
    "DCNRanker": DCNRanker(DCN(**TINY), **QUICK),
    "DINRanker": DINRanker(DIN(history_length=3, **TINY), **QUICK),
    "ModuleRanker": ModuleRanker(MLP(**TINY), **QUICK),
    "LabelCraftRecommender": LabelCraftRecommender(tiny_crafter(), k=3),
    "LabelCraftRecommender of two parts": LabelCraftRecommender(D2Q(), tiny(), k=3),
    "LabelCraftRecommender of another ranker": LabelCraftRecommender(
        FeatureUnion([("watch", WatchTime()), ("explicit", ExplicitFeedback())]),
        make_pipeline(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            LinearRegression(),
        ),
        k=3,
    ),
    "FusedRecommender": FusedRecommender(
        [("a", LabelCraftRecommender(WatchTime(), tiny()))], k=3, random_state=0
    ),
}


def public_modules():
    """The package and its public modules, by name."""
    yield sklabelcraft
    for found in pkgutil.iter_modules(sklabelcraft.__path__):
        if not found.name.startswith("_") and found.name not in MACHINERY:
            yield importlib.import_module(f"sklabelcraft.{found.name}")


def documented_names():
    """The dotted names that the API's page lists."""
    return re.findall(r"^   (\w+(?:\.\w+)*)$", API.read_text(), re.MULTILINE)


def public_members():
    """The public members by their dotted names: of faces, and of the API's page."""
    names = [
        f"{module.__name__}.{name}"
        for module in public_modules()
        for name in getattr(module, "__all__", [])
    ]
    names += [f"sklabelcraft.{name}" for name in documented_names()]
    found = {}
    for name in dict.fromkeys(names):
        module, _, member = name.rpartition(".")
        value = getattr(importlib.import_module(module), member)
        found.setdefault(id(value), (name, value))
    return dict(found.values())


MEMBERS = public_members()
CLASSES = {name: value for name, value in MEMBERS.items() if inspect.isclass(value)}
FUNCTIONS = {n: value for n, value in MEMBERS.items() if inspect.isfunction(value)}
ESTIMATORS = {
    name: value
    for name, value in CLASSES.items()
    if hasattr(value, "fit") and value not in TEMPLATES
}


def public_methods():
    """The public methods, by their dotted names, that a public class defines."""
    for name, member in CLASSES.items():
        for method, function in inspect.getmembers(member, callable):
            own = getattr(function, "__module__", "") or ""
            if not method.startswith("_") and own.startswith("sklabelcraft"):
                yield f"{name}.{method}", function


METHODS = dict(public_methods())


def make_log():
    """A log on which anything is fitted in a blink, with labels for rankers."""
    log = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
    log.labels = np.minimum(1, log.target["watch_time"] / log.data["duration"])
    return log


def arguments(estimator, log):
    """What an example is fitted to: parts of a log."""
    if isinstance(estimator, KneeScaler):
        return (log.target[["watch_time", "like"]],)
    if hasattr(estimator, "transform"):
        return (log.frame,)
    if isinstance(estimator, BaseRanker):
        return log.data, log.labels
    return log.data, log.target


def users_and_items(log):
    """What is known of the users of a log, tomorrow, and of its items, a table each."""
    users = log.data.drop_duplicates("user_id")[["timestamp", "user_id"]]
    items = log.data.drop_duplicates("item_id")[["tag", "item_id", "duration"]]
    return users.assign(timestamp=log.data["timestamp"].max() + 1), items


def results(estimator, X):
    """All that a fitted estimator says of rows: labels or scores, by method."""
    made = {}
    for method in ("transform", "predict", "head_scores", "predict_proba"):
        if hasattr(estimator, method):
            made[method] = getattr(estimator, method)(X)
    return made


def global_state():
    """What a process has once for all its code, and must keep whatever is called."""
    known = logging.getLogger().manager.loggerDict.values()
    return {
        "random": random.getstate(),
        "numpy": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "numpy's errors": np.geterr(),
        "numpy's printing": str(np.get_printoptions()),
        "torch": torch.get_rng_state().tolist(),
        "torch's settings": (
            torch.get_num_threads(),
            torch.get_num_interop_threads(),
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.mkldnn.enabled,
            torch.overrides._get_current_function_mode_stack(),
        ),
        "threads of libraries": {
            pool["filepath"]: pool["num_threads"] for pool in threadpool_info()
        },
        "threads": threading.active_count(),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "logging": {
            logger.name: (logger.level, logger.disabled, list(logger.handlers))
            for logger in [logging.getLogger(), *known]
            if isinstance(logger, logging.Logger)
        },
        "signals": signal.getsignal(signal.SIGINT),
        "pandas": str(pd.options.d),
        "polars": pl.Config.state(),
        "scikit-learn": get_config(),
        "matplotlib": dict(matplotlib.rcParams),
    }


def changed(before):
    """What is not as it was; loggers and libraries may have come."""
    now = global_state()
    for grows in ("logging", "threads of libraries"):
        now[grows] = {name: now[grows].get(name) for name in before[grows]}
    return {n: (before[n], now[n]) for n in before if now[n] != before[n]}
