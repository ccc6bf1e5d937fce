import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline import paths
from pipeline.stages import report

TEMPLATES = Path(".dvc/plots").resolve()


@pytest.fixture
def plots(workspace):
    """Tables by the name of their file."""
    report.main()
    return {path.stem: pd.read_csv(path, keep_default_na=False) for path in paths.PLOTS.iterdir()}


def test_learning_curves_of_all_networks_stand_in_one_table(plots):
    table = plots["learning_curves"]
    assert list(table) == ["dataset", "network", "role", "quantity", "epoch", "value"]
    assert len(table) == (1 + 3 + 2) * 2 * 2 * 2  # networks, roles, quantities, epochs
    deep = table[table["network"] == "Deep"].set_index(["role", "quantity", "epoch"])["value"]
    assert deep["training", "loss", 2] == 0.5 and deep["validation", "score", 2] == 0.25
    assert set(table.loc[table["dataset"] == "cells", "quantity"]) == {"loss", "score"}


def test_precision_and_recall_of_all_classes_stand_in_one_table(plots):
    table = plots["precision_recall"]
    assert list(table) == ["dataset", "network", "class", "recall", "precision"]
    assert set(table.loc[table["dataset"] == "cells", "class"]) == {"NA", "tumour"}
    assert set(table.loc[table["dataset"] != "cells", "class"]) == {"object"}


def test_long_curves_are_thinned_and_keep_their_ends(workspace):
    file = paths.details("nuclei", "toy") / "precision_recall.csv"
    steps = [number / 999 for number in range(1000)]
    pd.DataFrame({"threshold": steps, "precision": steps, "recall": steps[::-1]}).to_csv(file, index=False)
    report.main()
    table = pd.read_csv(paths.PLOTS / "precision_recall.csv").query("dataset == 'nuclei'")
    assert len(table) == 100 and table["precision"].iloc[[0, -1]].tolist() == [0, 1]


def test_confusion_counts_each_image_of_each_network(plots):
    table = plots["confusion"]
    assert list(table) == ["model", "actual", "predicted", "count"] and table["count"].sum() == 2 * 3
    assert ["cells, Small", "tumour", "NA", 1] in table.to_numpy().tolist()


@pytest.mark.parametrize(
    ("template", "table"),
    [("learning_curves", "learning_curves"), ("precision_recall", "precision_recall"), ("confusion_matrix", "confusion")],
)
def test_templates_name_columns_that_exist_and_tell_revisions_apart(plots, template, table):
    spec = json.loads((TEMPLATES / f"{template}.json").read_text())
    assert spec["data"] == {"values": "<DVC_METRIC_DATA>"}
    made = set(_find(spec, "as"))
    fields = {field for field in _find(spec, "field") if isinstance(field, str)}
    assert fields <= {*plots[table], "rev", *made} and "rev" in fields


def _find(spec, key):
    """All values of a key, however deep."""
    if isinstance(spec, dict):
        for name, value in spec.items():
            if name == key:
                yield value
            yield from _find(value, key)
    elif isinstance(spec, list):
        for entry in spec:
            yield from _find(entry, key)
