"""How the house is built: imports go down only, and no class is a house of its own."""

import ast
from pathlib import Path

import pytest

import sklabelcraft

PACKAGE = Path(sklabelcraft.__file__).parent
LAYERS = [
    {
        "columns",
        "_docs",
        "_units",
        "_callbacks",
        "_torch",
        "_ids",
        "_floats",
        "_vocabulary",
        "_clock",
        "_numbers",
        "_known",
        "_disk",
        "results",
        "_typing",
        "_tables",
    },
    {
        "topk",
        "scaling",
        "objectives",
        "balancing",
        "losses",
        "_lists",
        "_counts",
        "_quantiles",
        "_mixtures",
    },
    {"metrics", "retrieval_metrics", "_ranked"},
    {"_judge", "_fusion"},
    {
        "_nested",
        "_frames",
        "_log",
        "_stated",
        "_reading",
        "_parquet",
        "_parquet_files",
        "_holdout",
        "_estimator",
        "_foreign_rankers",
        "preprocessing",
    },
    {"_bootstrap", "_folds", "_segments"},
    {"_encoder", "_history", "_bags", "_batches", "_misread", "_pairs", "_seen"},
    {"_features"},
    {"modules"},
    {"training"},
    {"_kept", "_stream"},
    {"_model", "_platform"},
    {"_probabilities"},
    {"labelers", "rankers", "inspection"},
    {"_craft", "_race", "_split_rows", "_starts"},
    {"labelcraft"},
    {"scorers", "_scoring"},
    {"_measuring", "_shown"},
    {"_recommending"},
    {"_heads", "_weighing", "_going_on"},
    {
        "recommender",
        "_recommender_parts",
        "_members",
        "fused",
        "datasets",
        "splitting",
    },
    {"comparison", "_parts", "_seeds", "plotting", "_onnx"},
    {"_saved", "persistence", "export"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NUMERICS = LAYERS[1] | {"metrics", "retrieval_metrics"}
READ_FRAMES = {
    "_frames.py",
    "_log.py",
    "_nested.py",
    "_reading.py",
    "_ids.py",
    "_clock.py",
    "_pairs.py",
    "_tables.py",
}
FILES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
NEVER_CALLED = {
    "torch.manual_seed",
    "torch.random.manual_seed",
    "torch.seed",
    "torch.set_rng_state",
    "torch.set_default_dtype",
    "torch.set_default_device",
    "np.random.seed",
}


def relative(path):
    return str(path.relative_to(PACKAGE))


def part_of(path):
    """The part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Full names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            names = [alias.name for alias in node.names]
            whole = node.module in ("sklabelcraft", "sklearn")
            yield from (f"{node.module}.{n}" for n in names) if whole else [node.module]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own_parts(path):
    """The parts of the package that a file imports."""
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "sklabelcraft"}


def files_of(part):
    return [path for path in FILES if part_of(path) == part]


def reached(parts):
    """Parts of the package and all that they import, directly or not."""
    found, waiting = set(), list(parts)
    while waiting:
        part = waiting.pop()
        if part not in found:
            found.add(part)
            waiting += [name for path in files_of(part) for name in own_parts(path)]
    return found


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_go_down(path):
    """A module imports only from its own layer or those below."""
    for part in own_parts(path):
        assert LEVEL[part] <= LEVEL[part_of(path)], f"{part_of(path)} imports {part}"


def test_numerics_know_neither_frames_nor_estimators():
    """They are functions of arrays and tensors."""
    for path in (path for part in NUMERICS for path in files_of(part)):
        assert not {"narwhals", "pandas", "sklearn.base"} & set(imported(path)), path


def test_only_the_log_knows_data_frames():
    """narwhals is imported where a log is read, and nowhere else."""
    knowing = [p for p in FILES if any(n.startswith("narwhals") for n in imported(p))]
    assert {path.name for path in knowing} <= READ_FRAMES


def test_models_and_training_are_plain():
    """Neither they nor what they import know a frame or an estimator of the field."""
    below = reached({"training", "modules"})
    assert not below & {"_log", "_estimator", "_model", "labelers", "rankers"}
    assert max(LEVEL[part] for part in below) == LEVEL["training"]
    for path in (path for part in below for path in files_of(part)):
        libraries = {name.split(".")[0] for name in imported(path)}
        assert not libraries & {"pandas", "polars", "narwhals"}, path
        assert part_of(path) == "modules" or "sklearn" not in libraries, path


def test_networks_take_only_their_parameters_from_scikit_learn():
    """They can be cloned and checked, and are no estimators with a fit."""
    for path in files_of("modules"):
        taken = {name for name in imported(path) if name.startswith("sklearn")}
        assert taken <= {"sklearn.base", "sklearn.utils._param_validation"}, path


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_class_is_a_house_of_its_own(path):
    """None has more than 300 lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            assert node.end_lineno - node.lineno < 300, node.name


def test_private_and_global_state_is_left_alone():
    """Neither scikit-learn's private callbacks nor torch's seed are touched."""
    for path in FILES:
        assert "_skl_callbacks" not in path.read_text(), path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                assert name not in NEVER_CALLED, path
                assert name != "torch.set_num_threads" or path.name == "_torch.py"
