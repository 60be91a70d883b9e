"""What is declared holds: examples, constraints, docstrings and attributes."""

import inspect
import re

import pandas as pd
import pytest
from members import (
    CLASSES,
    ESTIMATORS,
    EXAMPLES,
    FUNCTIONS,
    MEMBERS,
    METHODS,
    arguments,
    documented_names,
)
from numpydoc.docscrape import NumpyDocString
from sklearn.base import clone
from sklearn.utils._param_validation import (
    InvalidParameterError,
    generate_invalid_param_val,
    make_constraint,
)

import sklabelcraft
from sklabelcraft import D2Q, Columns
from sklabelcraft.modules import Network

PARAMETERS = [
    pytest.param(example, name, id=f"{key}-{name}")
    for key, example in EXAMPLES.items()
    if " " not in key
    for name in type(example)._get_param_names()
]
NETWORKS = {n: c for n, c in CLASSES.items() if issubclass(c, Network)}
OF_NETWORKS = [
    pytest.param(made, name, id=f"{key}-{name}")
    for key, made in NETWORKS.items()
    if not inspect.isabstract(made)
    for name in made._get_param_names()
]
WRONG = {  # values that only a look inside tells to be wrong
    "ConditionalCDF": {"by": (True,)},
    "LabelCrafter": {
        "objectives": [1.0],
        "objective_weights": [-1.0],
        "starts": [(1, 2)],
        "inputs": ("weather",),
        "ranker": D2Q(),
    },
    "MLPRanker": {"network": object(), "device": "abacus", "every": 3},
    "LabelCraftRecommender": {"labeler": object(), "ranker": D2Q()},
    "FusedRecommender": {"recommenders": [], "objectives": [1.0]},
}
LOOKED_AT = [
    pytest.param(EXAMPLES[key], name, value, id=f"{key}-{name}")
    for key, values in WRONG.items()
    for name, value in values.items()
]


def test_every_estimator_has_an_example():
    """Give a new one an example in ``members.EXAMPLES``: it joins all contracts."""
    lacking = set(ESTIMATORS.values()) - {type(e) for e in EXAMPLES.values()}
    assert not lacking, f"give {lacking} an example"


def test_everything_public_is_documented():
    """What the package gives to its users is on the page of the API."""
    page = set(documented_names())
    faces = {
        name.removeprefix("sklabelcraft.")
        for name in MEMBERS
        if name in CLASSES or name in FUNCTIONS
    }
    assert faces <= page, f"document {faces - page}"
    assert {n for n in sklabelcraft.__all__ if n not in page} == {
        "auc_scorer",
        "ds_scorer",
        "gauc_scorer",
        "neg_scorer",
        "nwtg_scorer",
        "top_k_coverage_scorer",
        "top_k_recall_scorer",  # told of in the text
    }


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_has_a_constraint(name):
    """Neither more nor fewer."""
    made = ESTIMATORS[name]
    assert set(made._parameter_constraints) == set(made._get_param_names())


@pytest.mark.parametrize(("example", "name"), PARAMETERS)
def test_constraints_are_obeyed(example, name, small_log):
    """A value outside is refused by name, before anything else."""
    for wrong in wrong_values(type(example)._parameter_constraints[name]):
        estimator = clone(example)
        setattr(estimator, name, wrong)
        with pytest.raises(InvalidParameterError, match=f"'{name}'"):
            estimator.fit(*arguments(estimator, small_log))


@pytest.mark.parametrize(("network", "name"), OF_NETWORKS)
def test_constraints_of_networks_are_obeyed(network, name):
    """They are checked when the module is made."""
    for wrong in wrong_values(network._parameter_constraints[name]):
        with pytest.raises(InvalidParameterError, match=f"'{name}'"):
            network(**{name: wrong})([3], 1, 1, ())


def wrong_values(constraints):
    """An object, and a value beside each of the constraints that has such."""
    yield object()
    for constraint in map(make_constraint, constraints):
        try:
            wrong = generate_invalid_param_val(constraint)
        except NotImplementedError:
            continue
        if not constraint.is_satisfied_by(wrong):  # one beyond the largest float is it
            yield wrong


@pytest.mark.parametrize(("example", "name", "value"), LOOKED_AT)
def test_wrong_values_are_named(example, name, value, small_log):
    """Also those that the type does not tell."""
    estimator = clone(example)
    setattr(estimator, name, value)
    with pytest.raises((TypeError, ValueError), match=name.rstrip("s")):
        estimator.fit(*arguments(estimator, small_log))


@pytest.mark.parametrize("name", sorted(CLASSES | FUNCTIONS | METHODS))
def test_docstrings_say_the_defaults(name):
    """Each stated default is the real one, and each real one is stated."""
    member = (CLASSES | FUNCTIONS | METHODS)[name]
    real = {
        parameter.name: parameter.default
        for parameter in signature_of(member).values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    for parameter, stated in stated_defaults(member):
        assert parameter in real, f"{parameter} is no parameter"
        assert stated == real[parameter] or stated is real[parameter], parameter


@pytest.mark.parametrize("name", sorted(CLASSES | FUNCTIONS | METHODS))
def test_signatures_tell_types(name):
    """Of each parameter and of the result."""
    member = (CLASSES | FUNCTIONS | METHODS)[name]
    function = member.__init__ if inspect.isclass(member) else member
    if not getattr(function, "__module__", "").startswith("sklabelcraft"):
        return  # a constructor that another library gives
    telling = function.__annotations__.keys()
    lacking = set(signature_of(function)) - telling
    assert not lacking, f"give {lacking} a type"
    assert "return" in telling, "give the result a type"


def signature_of(member):
    """The parameters of a member, without self."""
    parameters = dict(inspect.signature(member).parameters)
    for own in ("self", "cls"):
        parameters.pop(own, None)
    return parameters


def stated_defaults(member):
    """The documented parameters, each with its stated default or none."""
    documented = NumpyDocString(inspect.getdoc(member) or "")
    for names, kind, _ in documented["Parameters"]:
        names = [name.lstrip("*") for name in re.split(r",\s*", names)]
        if names == ["kwargs"] or names == ["params"]:
            continue
        _, stated, text = kind.partition("default=")
        if kind == "None":
            stated, text = "ignored", "None"
        defaults = [inspect.Parameter.empty] * len(names)
        if stated:
            value = eval(text, {"__builtins__": {}})
            apart = len(names) > 1 and isinstance(value, tuple) and text[0] != "("
            defaults = value if apart else [value] * len(names)
        yield from zip(names, defaults, strict=True)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_attributes_are_documented(name, fitted):
    """What a fit leaves is what the docstring lists, and nothing is there before."""
    made = ESTIMATORS[name]
    documented = {
        attribute
        for names, *_ in NumpyDocString(made.__doc__)["Attributes"]
        for attribute in names.split(", ")
    }
    examples = [key for key, example in EXAMPLES.items() if type(example) is made]
    left = set().union(*(learned(fitted(key)) for key in examples))
    assert left == documented
    assert not learned(EXAMPLES[examples[0]])


def learned(estimator):
    """The names of what was learned, whether stored or made when asked for."""
    return {n for n in dir(estimator) if n.endswith("_") and not n.startswith("_")}


SECONDS, SCORES, USERS = [1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [7, 7, 7]
RANKED = {"scores": SCORES, "groups": USERS, "k": 1}
TABLE = pd.DataFrame({"user_id": USERS, "duration": SECONDS})
GIVEN = {  # what functions and class methods are given, and then one thing is wrong
    "compare_labelers": {"labelers": {"EF": D2Q()}, "X": TABLE, "y": TABLE, "cv": 2},
    "ds_score": {"duration": SECONDS} | RANKED,
    "gauc_score": {"explicit": [0, 1, 0]} | RANKED,
    "neg_score": {"explicit": SECONDS} | RANKED,
    "nwtg_score": {"watch_time": SECONDS} | RANKED,
    "soft_topk": {"scores": SCORES, "k": 1, "temperature": 1.0},
    "split_by_time": {"X": TABLE},
    "top_k_coverage_score": {"items": USERS} | RANKED,
    "top_k_recall_score": {"explicit": [0, 1, 0]} | RANKED,
    "datasets.convert_vk_lsvd": {"path": "nowhere", "to": "somewhere"},
    "datasets.load_kuairand": {"path": "nowhere"},
    "datasets.load_kuairec": {"path": "nowhere"},
    "datasets.load_kuaisar": {"path": "nowhere"},
    "datasets.load_vk_lsvd": {"path": "nowhere"},
    "datasets.load_wechat": {"path": "nowhere"},
    "datasets.make_short_videos": {"n_users": 5, "n_items": 5},
    "export.export_onnx": {"estimator": D2Q(), "path": "nowhere"},
    "persistence.load": {"folder": "nowhere"},
    "persistence.save": {"estimator": D2Q(), "folder": "nowhere"},
}
FORMULAS = {  # on numbers or tensors, which say themselves what they cannot compute
    "scale",
    "losses.brier_loss",
    "losses.log_loss",
    "losses.squared_error",
    "modules.dense",
    "modules.interactions",
    "objectives.list_gain",
    "objectives.list_mean",
    "objectives.list_spread",
}
ROWS = {"X", "y", "path", "to"}  # which are read, not looked at
OPTIONS = [
    pytest.param(f"sklabelcraft.{name}", option, id=f"{name}-{option}")
    for name in GIVEN
    for option in inspect.signature(FUNCTIONS[f"sklabelcraft.{name}"]).parameters
    if option not in ROWS
]


def test_every_function_has_an_example():
    """Give a new one what it needs in ``GIVEN``, or say that it is a formula."""
    known = {f"sklabelcraft.{name}" for name in [*GIVEN, *FORMULAS]}
    assert set(FUNCTIONS) == known


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_wrong_options_of_functions_are_named(name, option):
    """A thing of no known type is refused, and the message says where it stood."""
    given = GIVEN[name.removeprefix("sklabelcraft.")] | {option: object()}
    with pytest.raises((TypeError, ValueError), match=option):
        FUNCTIONS[name](**given)


def test_columns_are_checked():
    """Of the one object that names them."""
    for field in ("user", "item", "duration", "timestamp", "watch_time"):
        with pytest.raises(ValueError, match=field):
            Columns(**{field: 1.5})
