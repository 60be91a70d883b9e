"""Where other projects document what we name: inventories for links, made offline."""

import zlib
from pathlib import Path

SITES = {  # address, where a name stands there, and the names by their roles
    "scikit-learn": (
        "https://scikit-learn.org/stable/",
        "modules/generated/{name}.html#{name}",
        {
            "py:class": [
                "sklearn.compose.ColumnTransformer",
                "sklearn.ensemble.HistGradientBoostingRegressor",
                "sklearn.frozen.FrozenEstimator",
                "sklearn.model_selection.GridSearchCV",
                "sklearn.pipeline.FeatureUnion",
                "sklearn.pipeline.Pipeline",
                "sklearn.preprocessing.TargetEncoder",
            ],
            "py:function": ["sklearn.base.clone", "sklearn.metrics.ndcg_score"],
        },
    ),
    "pandas": (
        "https://pandas.pydata.org/docs/",
        "reference/api/{name}.html#{name}",
        {
            "py:class": ["pandas.DataFrame"],
            "py:function": ["pandas.read_csv"],
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        "reference/generated/{name}.html#{name}",
        {"py:class": ["numpy.ndarray"]},
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        "generated/{name}.html#{name}",
        {"py:class": ["torch.nn.Module"]},
    ),
    "pyarrow": (
        "https://arrow.apache.org/docs/",
        "python/generated/{name}.html#{name}",
        {"py:class": ["pyarrow.dataset.Dataset"]},
    ),
}


def mapping(folder):
    """Write an inventory of each site into a folder beside, and say where they are."""
    folder = Path(__file__).parent / folder
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for project, (address, place, names) in SITES.items():
        path = folder / f"{project}.inv"
        path.write_bytes(_inventory(project, place, names))
        found[project] = (address, str(path))
    return found


def _inventory(project, place, names):
    """The bytes of an inventory of Sphinx, version 2."""
    head = [
        "# Sphinx inventory version 2",
        f"# Project: {project}",
        "# Version: ",
        "# The remainder of this file is compressed using zlib.",
    ]
    rows = [
        f"{name} {role} 1 {place.format(name=name)} -"
        for role, members in names.items()
        for name in members
    ]
    return "\n".join([*head, ""]).encode() + zlib.compress(
        "\n".join([*rows, ""]).encode()
    )
