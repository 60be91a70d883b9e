"""Every public member is documented by numpydoc's rules."""

import inspect
import re

import pytest
from numpydoc.validate import validate

import sklabelcraft
from sklabelcraft import (
    balancing,
    datasets,
    labelers,
    objectives,
    preprocessing,
    rankers,
)

IGNORED = {
    "ES01": "an extended summary is for what needs one",
    "EX01": "methods are shown in the example of their class",
    "GL01": "the summary starts on the line of the quotes",
    "RT02": "a returned value may be named",
    "SA01": "no See Also section is asked for",
}


def own_names(module):
    """The public names that a module defines."""
    return [
        name
        for name, member in vars(module).items()
        if getattr(member, "__module__", None) == module.__name__
        and not name.startswith("_")
    ]


def public_members():
    """Dotted names of what users import, and of its own public methods."""
    faces = sklabelcraft, datasets, labelers, balancing, objectives, preprocessing
    for module in faces:
        for name in getattr(module, "__all__", own_names(module)):
            member = getattr(module, name)
            if not (inspect.isclass(member) or inspect.isfunction(member)):
                continue
            yield f"{member.__module__}.{name}"
            if inspect.isclass(member):
                yield from (
                    f"{member.__module__}.{name}.{method}"
                    for method, function in vars(member).items()
                    if inspect.isfunction(function) and not method.startswith("_")
                )
    yield from (f"{rankers.__name__}.BaseRanker.{m}" for m in ("fit", "predict"))
    base = f"{labelers.__name__}.BaseLabeler"
    methods = ("fit", "partial_fit", "transform", "watch_time")
    yield from (f"{base}.{m}" for m in methods)


@pytest.mark.parametrize("name", sorted(set(public_members())))
def test_docstring_is_valid(name):
    """No error is left but those that the house does not ask for."""
    errors = [e for e in validate(name)["errors"] if e[0] not in IGNORED]
    assert not errors


def test_shared_texts_stand_where_they_are_named():
    """No place for one is left empty."""
    for name in set(public_members()):
        documented = validate(name)["docstring"]
        assert not re.search(r"^ *\{\w+\}$", documented, re.MULTILINE), name
