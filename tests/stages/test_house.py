"""The house: a stage lists exactly the code it imports, no room imports upward, and light stages stay light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.datasets.sources import SOURCES
from pipeline.params import Train, network_names
from tests.stages import imports

PIPELINE = Path("dvc.yaml").read_text()
STAGES = {name: stage.get("do", stage) for name, stage in yaml.safe_load(PIPELINE)["stages"].items()}
FRAMEWORKS = ("tensorflow", "keras", "jax", "torch")
FRAMEWORK_IMPORT = rf"^\s*(import|from) ({'|'.join(FRAMEWORKS)})\b"

# From the front doors inwards: a room may import those on its own floor and below, never above.
FLOORS = [
    ("stages", "predict", "export", "plan", "recipe", "undo"),
    ("tasks",),
    ("training", "evaluation", "exporting", "prediction", "reporting", "planning"),
    ("datasets", "weights", "patches", "inference"),
    ("networks", "scoring", "images"),
    ("params", "paths", "errors", "atomic", "parallel", "processor", "startup"),
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PURE = ("images", "scoring", "reporting", "datasets", "weights", "patches", "planning")

# What a stage imports by a name that params.yaml gives.
PARTS = {"train": ["training"], "evaluate": ["evaluation"], "transfer": ["evaluation"], "report": ["tables"]}
TASKS = ("segmentation", "classification")


def declared(stage):
    """Files and rooms of code among the dependencies of a stage."""
    return [Path(path) for path in STAGES[stage]["deps"] if path.startswith("pipeline/") and "${" not in path]


def imported(stage):
    """Code that a stage can import, with the modules that it finds by name."""
    command = STAGES[stage]["cmd"].split()
    modules = [command[2]]
    kind = command[2].rsplit(".", 1)[1]
    tasks = TASKS
    if stage.startswith("train-"):
        modules.append(f"pipeline.networks.{command[-1]}")
        tasks = re.findall(r'^TASK = "(\w+)"', Path(f"pipeline/networks/{command[-1]}.py").read_text(), re.M)
    if kind == "download":
        modules += [f"pipeline.datasets.sources.{module}" for module, _ in SOURCES.values()]
    modules += [f"pipeline.tasks.{task}.{part}" for part in PARTS.get(kind, []) for task in tasks]
    return imports.modules_of(*modules)


def pipeline_imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipeline"):
            # `from pipeline import params` names the room in the alias
            yield from ([node.module.split(".")[1]] if "." in node.module else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("pipeline."))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_exactly_the_code_that_it_imports(stage):
    paths, files = declared(stage), {Path(file) for file in imported(stage)}
    assert not [file for file in files if not any(path in (file, *file.parents) for path in paths)]  # a change would be missed
    idle = [path for path in paths if not any(path in (file, *file.parents) for file in files)]
    assert not idle  # a change would run the stage for nothing


@pytest.mark.parametrize("file", sorted(Path("pipeline").glob("**/*.py")), ids=str)
def test_no_room_imports_upward(file):
    room = file.with_suffix("").parts[1]
    if room == "__init__":
        return
    for name in pipeline_imports(file):
        assert FLOOR[name] >= FLOOR[room], f"{file} imports {name}, which is above it"


LIGHT = ("download", "patchify", "weights", "networks", "report")


@pytest.mark.parametrize("stage", LIGHT)
def test_a_light_stage_imports_no_framework(stage):
    for file in imported(stage):
        assert not re.search(FRAMEWORK_IMPORT, Path(file).read_text(), re.M), file


def test_no_light_command_imports_a_framework_through_other_packages():
    """Nor do params, which know the names of all networks."""
    commands = ", ".join(["pipeline.plan", *(f"pipeline.stages.{stage}" for stage in LIGHT)])
    script = f"import sys, {commands}; pipeline.params.load(); print(*set({FRAMEWORKS}).intersection(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_know_no_framework(room):
    for file in Path("pipeline", room).glob("**/*.py"):
        assert not re.search(FRAMEWORK_IMPORT, file.read_text(), re.M), file


def test_there_is_one_door_to_tensorflow():
    doors = [
        file for file in Path("pipeline").glob("**/*.py") if re.search(r"^\s*(import|from) tensorflow\b", file.read_text(), re.M)
    ]
    assert doors == [Path("pipeline/networks/common/tensorflow_door.py")]


def test_no_code_names_a_data_set_or_a_network():
    """Sources and painters may be called as they like; a network is named by its own module alone."""
    names = [*yaml.safe_load(Path("params.yaml").read_text())["datasets"], *network_names()]
    for file in Path("pipeline").glob("**/*.py"):
        if "sources" in file.parts or file.stem in network_names():
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{file}:{node.lineno} names {node.value}"
    for dataset in yaml.safe_load(Path("params.yaml").read_text())["datasets"]:
        assert dataset not in PIPELINE


def test_a_change_in_one_network_retrains_no_other():
    for stage in (stage for stage in STAGES if stage.startswith("train-")):
        networks = {path.stem for path in declared(stage) if path.parent == Path("pipeline/networks")}
        assert networks & set(network_names()) == {STAGES[stage]["cmd"].split()[-1]}


def test_the_learning_rate_reaches_training_and_nothing_before_it():
    for stage, template in STAGES.items():
        reads = any(str(param) in ("train", "train.lr") for param in template.get("params", []))
        assert reads == stage.startswith("train"), stage


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.startswith("train-")])
def test_a_network_is_retrained_by_each_of_its_settings_and_not_by_its_list(stage):
    network = STAGES[stage]["cmd"].split()[-1]
    listed = {param.split(".")[1] for param in STAGES[stage]["params"] if param.startswith(f"{network}.")}
    section = set(yaml.safe_load(Path("params.yaml").read_text())[network])
    assert listed == section - {"datasets"}
    assert set(Train.model_fields) == set(yaml.safe_load(Path("params.yaml").read_text())["train"])


def test_how_windows_are_blended_retrains_nothing():
    for stage in (stage for stage in STAGES if stage.startswith("train")):
        assert not any("tiling" in file for file in imported(stage))


def test_how_images_are_split_downloads_nothing():
    assert not any(file.startswith("pipeline/patches") for file in imported("download"))
