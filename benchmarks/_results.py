"""Tables of results, printed and kept."""

import json
import platform
from pathlib import Path

import sklearn
import torch

FOLDER = Path(__file__).resolve().parent / "results"


def show(found, against=None):
    """The table as text: mean +- standard error, and the improvement of `against`."""
    table = found.table.copy()
    against = table["method"].iloc[-1] if against is None else against
    seconds = table["metric"].eq("DS")
    digits = seconds.map({True: 1, False: 3})
    table["cell"] = [
        f"{mean:.{d}f} +-{error:.{d}f}"
        for mean, error, d in zip(table["mean"], table["se_users"], digits, strict=True)
    ]
    table["RI"] = [
        f"{row.improvement:+.1%}{'*' if row.p_value < 0.05 else ' '}"
        if row.method != against
        else ""
        for row in table.itertuples()
    ]
    parts = []
    for k, rows in table.groupby("k"):
        wide = rows.pivot(index="method", columns="metric", values=["cell", "RI"])
        wide = wide.reindex(found.table["method"].unique())
        columns = [
            (kind, metric)
            for metric in rows["metric"].unique()
            for kind in ("cell", "RI")
        ]
        wide = wide[columns]
        wide.columns = [
            f"{metric}@{k}" if kind == "cell" else "RI" for kind, metric in columns
        ]
        parts.append(wide.rename_axis(None).to_string())
    return "\n\n".join(parts)


def keep(name, found, **settings):
    """Write the table and the values of each seed as JSON."""
    content = settings | {
        "random lists": records(found.reference.rename("value").reset_index()),
        "table": records(found.table),
        "seeds": records(found.seeds),
    }
    if "validation" in found:
        content["validation"] = records(found.validation.table)
    write(name, content)


def keep_frame(name, frame, **settings):
    """Write a frame as JSON."""
    write(name, settings | {"rows": records(frame)})


def write(name, content):
    """Write results, and the versions they were made with, as JSON."""
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    lines = [
        f"{json.dumps(key)}: {_lines(value)}"
        for key, value in ({"versions": versions} | content).items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"kept in {path.relative_to(FOLDER.parent.parent)}")


def _lines(value):
    """A list with one row a line, anything else on one."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"


def records(frame):
    """A frame as a list of rows, in numbers of five digits."""
    return json.loads(frame.to_json(orient="records", double_precision=5))
