"""Every public member is documented by numpydoc's rules."""

import re

import pytest
from members import CLASSES, FUNCTIONS, METHODS
from numpydoc.validate import validate

IGNORED = {
    "ES01": "an extended summary is for what needs one",
    "EX01": "methods are shown in the example of their class",
    "GL01": "the summary starts on the line of the quotes",
    "RT02": "a returned value may be named",
    "SS05": "a summary may name what is returned, such as Logits of ...",
    "SA01": "no See Also section is asked for",
}


def where_defined(member):
    """The dotted name under which numpydoc finds a member."""
    return f"{member.__module__}.{member.__qualname__}"


NAMES = {
    where_defined(member)
    for name, member in (CLASSES | FUNCTIONS | METHODS).items()
    if not name.startswith("sklabelcraft.modules.")  # torch's protocol, not numpydoc's
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_docstring_is_valid(name):
    """No error is left but those that the house does not ask for."""
    errors = [e for e in validate(name)["errors"] if e[0] not in IGNORED]
    assert not errors


def test_shared_texts_stand_where_they_are_named():
    """No place for one is left empty."""
    for name in NAMES:
        documented = validate(name)["docstring"]
        assert not re.search(r"^ *\{\w+\}$", documented, re.MULTILINE), name
