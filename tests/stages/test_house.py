"""The house: what each stage declares is what it imports, no room imports upward, and light stages stay light."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

spec = importlib.util.spec_from_file_location("imports", Path(__file__).with_name("imports.py"))
imports = importlib.util.module_from_spec(spec)
spec.loader.exec_module(imports)

STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
FRAMEWORKS = ("tensorflow", "keras", "jax", "torch")
FRAMEWORK_IMPORT = rf"^\s*(import|from) ({'|'.join(FRAMEWORKS)})\b"

# From the front door inwards: a room may import those on its own floor and below, never above.
FLOORS = [
    ("stages", "predict", "export"),
    ("sources", "recipes", "training", "evaluation", "exporting", "prediction"),
    ("images", "networks", "inference", "objects", "scoring", "pictures", "reporting"),
    ("params", "paths", "errors", "startup"),
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PURE = ("images", "objects", "scoring", "pictures", "reporting", "sources")


# In a room of which a stage imports all else: the pictures of the phantoms for the docs.
BESIDE = {"pipeline/datasets/sources/phantom/__main__.py", "pipeline/datasets/sources/phantom/sheet.py"}


def declared(stage):
    """Code files among the dependencies of a stage or of a group of stages; of a room, all that are not empty."""
    template = STAGES[stage].get("do", STAGES[stage])
    paths = [Path(path) for path in template["deps"] if path.startswith("pipeline/")]
    files = {file for path in paths for file in (path.glob("**/*.py") if path.is_dir() else [path])}
    return {file.as_posix() for file in files if file.suffix == ".py" and file.stat().st_size} - BESIDE


def module(stage):
    template = STAGES[stage].get("do", STAGES[stage])
    return re.match(r"python -m (\S+)", template["cmd"])[1]


def pipeline_imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipeline"):
            # `from pipeline import params` names the room in the alias
            yield from ([node.module.split(".")[1]] if "." in node.module else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("pipeline."))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_exactly_the_code_that_it_imports(stage):
    assert declared(stage) == imports.modules_of(module(stage))


@pytest.mark.parametrize("file", sorted(Path("pipeline").glob("**/*.py")), ids=str)
def test_no_room_imports_upward(file):
    room = file.with_suffix("").parts[1]
    if room == "__init__":
        return
    for imported in pipeline_imports(file):
        assert FLOOR[imported] >= FLOOR[room], f"{file} imports {imported}, which is above it"


@pytest.mark.parametrize("stage", ["download", "patchify", "report"])
def test_a_light_stage_imports_no_framework(stage):
    for file in imports.modules_of(module(stage)):
        assert not re.search(FRAMEWORK_IMPORT, Path(file).read_text(), re.M), file
    script = f"import sys, {module(stage)}; print(*set({FRAMEWORKS}).intersection(sys.modules))"
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


def test_a_change_in_one_network_retrains_no_other():
    for stage, own in {"train-unet": "unet", "train-attn-resunet": "attn_resunet", "train-vgg16": "vgg16"}.items():
        networks = {Path(path).stem for path in declared(stage) if path.startswith("pipeline/networks/")}
        assert networks & {"unet", "attn_resunet", "vgg16"} == {own}


def test_the_learning_rate_reaches_training_and_nothing_before_it():
    for stage, template in STAGES.items():
        params = template.get("do", template).get("params", [])
        reads = any(str(param) in ("train", "train.lr") for param in params)
        assert reads == stage.startswith("train-"), stage


def test_vgg16_is_trained_anew_by_each_key_of_training_that_it_reads():
    from pipeline.params import Train

    listed = {key.removeprefix("train.") for key in STAGES["train-vgg16"]["params"] if key.startswith("train.")}
    assert listed == set(Train.model_fields) - {"loss", "devices"}  # of the segmentation networks; of the machine
