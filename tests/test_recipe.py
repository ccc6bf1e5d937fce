"""Every recipe is a valid change of params.yaml, and its head says how to run it."""

import importlib
import re
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from pipeline import params, recipe
from pipeline.errors import UserError

ROOT = Path(__file__).parents[1]
RECIPES = sorted(file.stem for file in (ROOT / "recipes").glob("*.yaml"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_valid_params_for_its_own_data_sets(name, project):
    content = recipe.read(name)
    apply_overrides(Path("params.yaml"), recipe.overrides(content, params.load()))
    changed = params.load()
    assert set(changed.datasets) == set(content["datasets"])
    assert all(changed.networks_of(dataset) for dataset in changed.datasets)
    head = Path(f"recipes/{name}.yaml").read_text()
    assert f"python -m pipeline.recipe {name}" in head
    for option in re.findall(r"^#.*", head, re.MULTILINE):
        said = [(flag, quoted or value) for flag, quoted, value in re.findall(r"(-S) (?:'([^']*)'|([^\s.]\S*[^\s.,]))", option)]
        apply_overrides(Path("params.yaml"), [value for value in recipe.tolerant(sum(said, ())) if value != "-S"])
        params.load()
    # A second time it changes nothing.
    apply_overrides(Path("params.yaml"), recipe.overrides(content, changed))
    before = Path("params.yaml").read_text()
    apply_overrides(Path("params.yaml"), recipe.overrides(content, changed))
    assert Path("params.yaml").read_text() == before


@pytest.mark.parametrize(
    ("name", "task"), [("mitochondria", "segmentation"), ("polyps", "segmentation"), ("tissue", "classification")]
)
def test_a_leaderboard_has_every_network_of_its_task(name, task, project):
    apply_overrides(Path("params.yaml"), recipe.overrides(recipe.read(f"leaderboard-{name}"), params.load()))
    two_dimensional = set(params.network_names()) - {"unet_3d"}  # which needs a context
    known = {module for module in two_dimensional if task == importlib.import_module(f"pipeline.networks.{module}").TASK}
    assert set(params.load().networks_of(name)) == known


def test_any_value_arrives(project):
    values = {"group": r"_(\d+)_[a'b]", "size": [96, 128], "text": 'two "words"', "none": None, "truth": True, "rate": 1e-5}
    content = {"datasets": {"polyps": None, "nuclei": values}, "toy": {}}
    apply_overrides(Path("params.yaml"), recipe.overrides(content, params.load()))
    found = yaml.safe_load(Path("params.yaml").read_text())
    assert list(found["datasets"]) == ["polyps", "nuclei"]
    assert found["datasets"]["polyps"] == yaml.safe_load((ROOT / "params.yaml").read_text())["datasets"]["polyps"]
    assert found["datasets"]["nuclei"] | {"rate": float(found["datasets"]["nuclei"]["rate"])} == values
    assert found["toy"] == {}


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["-S", "a.b=1", "--queue"], ["-S", "++a.b=1", "--queue"]),
        (["-Sa=1", "--set-param=a=x:y"], ["-S++a=1", "--set-param=++a=x:y"]),
        (["--set-param", "params.yaml:a=1"], ["--set-param", "params.yaml:++a=1"]),
        (["-S", "+a=1", "-S", "~a", "-S", ""], ["-S", "+a=1", "-S", "~a", "-S", ""]),
        (["--name", "a=1"], ["--name", "a=1"]),
    ],
)
def test_options_may_name_keys_that_a_recipe_leaves_out(given, passed):
    assert recipe.tolerant(given) == passed


def test_pairs_and_transfers_leave_with_their_data_sets(project):
    mine = ["+transfers.mitochondria-on-polyps={model: mitochondria, images: polyps}", "+unetpp={}"]
    mine += [f"+pairs.{name}-unetpp={{dataset: {name}, network: unetpp}}" for name in ("mitochondria", "polyps")]
    apply_overrides(Path("params.yaml"), mine)
    apply_overrides(Path("params.yaml"), recipe.overrides(recipe.read("leaderboard-mitochondria"), params.load()))
    changed = params.load()
    assert "mitochondria-unetpp" in changed.pairs and "polyps-unetpp" not in changed.pairs and not changed.transfers


def test_an_unknown_recipe_is_refused_with_the_list(project):
    with pytest.raises(UserError, match=f"nothing is not a recipe; the recipes are: .*{RECIPES[-1]}"):
        recipe.read("nothing")


def test_without_the_environment_the_remedy_is_to_activate_it(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["recipe", RECIPES[0]])
    with pytest.raises(UserError, match=r"^dvc: no such command; `source .venv/bin/activate` first"):
        recipe.main()
