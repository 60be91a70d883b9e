"""Imports inside the package go down only."""

import ast
from pathlib import Path

import pytest

import sklabelcraft

PACKAGE = Path(sklabelcraft.__file__).parent
LAYERS = [
    {
        "topk",
        "_two_anchor",
        "_sorted_anchors",
        "scaling",
        "losses",
        "objectives",
        "balancing",
        "metrics",
    },
    {"_callbacks", "_soft_classes", "_bootstrap"},
    {
        "_columns",
        "_batches",
        "_encoder",
        "_user_lists",
        "_validation",
        "preprocessing",
    },
    {"_attention"},
    {"modules"},
    {"_rows", "_optimizers", "_platform", "_hypergradient", "_training", "_crafting"},
    {"rankers", "labelers"},
    {"scorers"},
    {"recommender", "datasets", "splitting"},
    {"comparison", "plotting"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NEVER_IN_NUMERICS = {"narwhals", "sklearn.base"}
FILES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def imported(path):
    """Full names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    """A module imports only from its own layer or those below."""
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imported(path):
        parts = module.split(".")
        if parts[0] == "sklabelcraft" and len(parts) > 1:
            assert LEVEL[parts[1]] <= LEVEL[name], f"{name} imports {module}"
        if LEVEL[name] == 0:
            assert module not in NEVER_IN_NUMERICS


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_one_module_knows_data_frames(path):
    """narwhals is imported in _columns.py alone."""
    knows = any(module.startswith("narwhals") for module in imported(path))
    assert knows == (path.name == "_columns.py")
