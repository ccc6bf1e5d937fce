"""params.yaml: what is shipped is sound, and what is wrong is one line that names the key."""

import re
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline import params
from pipeline.errors import UserError
from pipeline.params.fields import Positive

SHIPPED = Path("params.yaml").read_text()


@pytest.fixture
def load(tmp_path):
    def load(text):
        (tmp_path / "params.yaml").write_text(text)
        return params.load(tmp_path / "params.yaml")

    return load


def changed(key, value):
    """The shipped file with one value replaced by `value`, as text."""
    values = yaml.safe_load(SHIPPED)
    *sections, last = key.split(".")
    section = values
    for name in sections:
        section = section[name]
    section[last] = "@"
    return yaml.safe_dump(values, sort_keys=False).replace("'@'", value)


def test_an_empty_file_is_told(load):
    with pytest.raises(UserError, match="expected keys and values, received None"):
        load("")


def test_every_key_has_its_reason_on_its_line():
    for line in SHIPPED.splitlines():
        if re.match(r"\s*\w+: [^\s{]", line) and not line.startswith("#"):  # {}: a section, with its comment above
            assert "  # " in line, line


@pytest.mark.parametrize("text", ["1e-5", "1.0e-5", "0.00001", "1E-05", "'1e-5'"])
def test_a_learning_rate_is_a_number_however_it_is_written(load, text):
    assert load(changed("train.lr", text)).train.lr == 0.00001


@given(st.floats(1e-12, 1e3))
def test_every_positive_number_survives_its_text(value):
    assert TypeAdapter(Positive).validate_python(repr(value)) == value


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("train.lr", "0", "train.lr: expected more than 0, received 0"),
        ("train.lr", ".nan", "train.lr: expected"),
        ("train.lr", "fast", "train.lr: expected a number, received 'fast'"),
        ("train.epochs", "2.5", "train.epochs: expected an integer, received 2.5"),
        ("train.epochs", "true", "train.epochs: expected an integer, received True"),
        ("segmentation.loss", "bce-dice", "segmentation.loss: expected 'bce_dice', 'bce'"),
        ("train.devices", "0", "train.devices: expected auto or a number of devices, received 0"),
        ("datasets.mitochondria.intensity", "[9, 3]", "intensity: expected auto, image or two numbers, the lower first, such as"),
        ("datasets.mitochondria.intensity", "[0, .inf]", "intensity: expected auto, image or two numbers, the lower first"),
        ("classification.class_weights", "[1]", "classification.class_weights: expected none, balanced or a number for each"),
        ("classification.class_weights", "[1, -5]", "classification.class_weights: expected none, balanced or a number for each"),
        ("classification.sampling", "even", "classification.sampling: expected 'all' or 'balanced', received 'even'"),
        (
            "classification",
            "{class_weights: balanced, label_smoothing: 0.0, sampling: balanced}",
            "classification: class_weights and sampling are both balanced, which favours rare classes twice; choose one",
        ),
        ("datasets.polyps.task", "detection", "datasets.polyps.task: expected 'segmentation' or 'classification'"),
        (
            "datasets.polyps.split",
            "{method: blocks, val: 0.6, test: 0.5, gap: 0}",
            "datasets.polyps.split: val + test must be below 1 to leave training images, not 0.6 + 0.5",
        ),
        (
            "datasets.polyps.split",
            "{block: 2}",
            "datasets.polyps.split.block: unknown key; known here: method, val, test, folds, gap, unit",
        ),
        ("datasets.polyps.split.unit", "0", "datasets.polyps.split.unit: expected more than 0, received 0"),
        ("datasets.polyps.folder.pixel_size_nm", "[1, 2, 3, 4]", "folder.pixel_size_nm: expected height and width of a pixel"),
        ("datasets.polyps.folder.group", "'p(\\d+'", "datasets.polyps.folder: group must be a regular expression"),
        ("datasets.polyps.folder.group", "'p'", "datasets.polyps.folder: group must hold one pair of parentheses"),
        ("datasets.tissue.patches.resize", "null", "datasets.tissue: classification needs rows and columns in patches.resize"),
        (
            "datasets.tissue.patches",
            "{resize: [32, 32], size: [8, 8]}",
            "in patches.resize, and nothing else: it takes whole images",
        ),
        ("datasets.tissue.patches.resize", "0.5", "datasets.tissue: classification needs rows and columns in patches.resize"),
        *[
            (
                "datasets.polyps.patches.resize",
                value,
                "patches.resize: expected rows and columns, such as [192, 256], or a factor of up to 4,",
            )
            for value in ("0", "512", "true", "[64]", "[64, 0]", "[0.5, 0.5]", "half")
        ],
        ("datasets.polyps.patches", "{size: [8, 8]}", "datasets.polyps: segmentation needs patches.size and patches.stride"),
        ("datasets.mitochondria.patches.size", "128", "mitochondria.patches.size: expected two numbers, rows and columns"),
        ("datasets.mitochondria.patches.size", "[128]", "mitochondria.patches.size: expected two numbers, rows and columns"),
        ("datasets.mitochondria.patches.size", "[16, 128, 128]", "[16, 128, 128]; for depth, set context to the sections"),
        (
            "datasets.polyps.patches.stride",
            "[96, 192]",
            "datasets.polyps: patches.stride must be at most patches.size [96, 128], not [96, 192]",
        ),
        ("datasets.polyps.folder.mask_labels", "[]", "folder.mask_labels: expected the values that are foreground"),
        ("datasets.polyps.folder.mask_labels", "[0]", "folder.mask_labels.0: expected at least 1, received 0"),
        (
            "datasets.polyps.folder.ignore",
            "[255, a]",
            "polyps.folder.ignore: expected an integer or a list of integers, received [255,",
        ),
        (
            "datasets.polyps.folder.ignore",
            "true",
            "polyps.folder.ignore: expected an integer or a list of integers, received True",
        ),
        ("datasets.polyps.folder", "{instance: true}", "polyps.folder.instance: unknown key; did you mean instances?"),
        (
            "datasets.polyps.folder",
            "{instances: true, mask_threshold: 9}",
            "folder.mask_threshold and folder.instances each say what",
        ),
        ("datasets.polyps.path", "~/polyps", "datasets.polyps: path: neither DVC nor the pipeline expands ~; write /"),
        ("datasets.polyps.classes", "[background]", "datasets.polyps.classes: expected at least two different names"),
        ("datasets.polyps.classes", "[no, yes]", "datasets.polyps.classes: expected at least two different names (in quotes if"),
        ("datasets.polyps.classes", "5", "datasets.polyps.classes: expected at least two different names"),
        (
            "datasets.polyps.classes",
            "[a, b, c]",
            "datasets.polyps: classes: with more than two, give the mask values of each, such as {",
        ),
        ("datasets.polyps.classes", "{a: 0, b: 1}", "datasets.polyps: classes: only source folder takes mask values"),
        ("inference.overlap", "[600, 64]", "inference: overlap must be at most half the tile [1024, 1024], not [600, 64]"),
        ("unet.datasets", "[nuclei]", "unet.datasets: unknown data set 'nuclei'; known here: mitochondria, polyps, tissue"),
        ("unet.datasets", "[polypps]", "unet.datasets: unknown data set 'polypps'; did you mean polyps?"),
        ("unet.datasets", "[1]", "unet.datasets: unknown data set 1; known here: mitochondria, polyps, tissue"),
        ("unet.datasets", "[[polyps]]", "unet.datasets: unknown data set ['polyps']; did you mean polyps?"),
        ("unet.datasets", "polyps", "unet.datasets: expected a list of data sets, received 'polyps'"),
        ("unet", "5", "unet: expected the settings of a network, received 5"),
        ("pairs", "{a: {dataset: tissue, network: vgg61}}", "pairs.a: unknown network 'vgg61'; did you mean vgg16?"),
        *[
            ("transfers", f"{{{key}: {{model: {model}, images: {images}}}}}", f"transfers.{key}: {told}")
            for key, model, images, told in [
                ("a", "polyps", "polips", "unknown data set 'polips'; did you mean polyps?"),
                ("a", "polyps", "polyps", "expected two data sets, received polyps twice"),
                ("a", "polyps", "mitochondria", "call it polyps-on-mitochondria"),
                ("polyps-on-tissue", "polyps", "tissue", "expected task segmentation as of polyps, received classification"),
            ]
        ],
        ("pairs", "{tissue-vgg16: {dataset: tissue, network: vgg16}}", "pairs.tissue-vgg16: add tissue to vgg16"),
    ],
)
def test_one_line_names_the_key_and_what_is_allowed(load, key, value, told):
    with pytest.raises(UserError) as caught:
        load(changed(key, value))
    (line,) = str(caught.value).splitlines()
    assert told in line


@pytest.mark.parametrize(
    ("value", "expected"), [("0.5", 0.5), ("5e-1", 0.5), ("2", 2.0), ("[96, 128]", (96, 128)), ("null", None)]
)
def test_images_are_resized_to_one_size_or_by_a_factor(load, value, expected):
    assert load(changed("datasets.polyps.patches.resize", value)).datasets["polyps"].patches.resize == expected


def test_augmentation_has_one_switch(load):
    on, off = (load(changed("augment.when", value)) for value in ("patchify", "never"))
    assert on.augment.copies > 0 and on.train.flips
    assert off.augment.copies == 0 and not off.train.flips
    assert off.train == on.train.model_copy(update={"flips": False})


def test_a_misspelled_key_is_refused_with_a_suggestion(load):
    with pytest.raises(UserError) as caught:
        load(SHIPPED.replace("  batch_size: 4", "  batchsize: 16"))
    assert [line.split("params.yaml: ")[1] for line in str(caught.value).splitlines()] == [
        "train.batch_size: missing key",
        "train.batchsize: unknown key; did you mean batch_size?",
    ]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("", "batch-size: unknown key; known here: seed, datasets, "),
        ("train:\n", "train.batch-size: unknown key; did you mean batch_size?"),
        ("datasets:\n", "datasets.batch-size: expected keys and values, received "),
    ],
)
def test_a_key_with_a_hyphen_is_one_too(load, section, told):
    assert section in SHIPPED
    indented = f"{section}  batch-size: 3\n" if section else "batch-size: 3\n" + SHIPPED.partition("\n")[0] + "\n"
    with pytest.raises(UserError) as caught:
        load(SHIPPED.replace(section or SHIPPED.partition("\n")[0] + "\n", indented, 1))
    (line,) = str(caught.value).splitlines()
    assert line.split("params.yaml: ")[1].startswith(told)


def test_a_broken_file_is_one_line(load):
    with pytest.raises(UserError) as caught:
        load("train: [1,")
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        params.load(tmp_path / "params.yaml")


def test_dvc_changes_the_line_that_it_should_and_no_other(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED)
    apply_overrides(file, [f"seed={params.load().seed}"])
    assert file.read_text() == SHIPPED
    apply_overrides(file, ["train.batch_size=7"])
    changed = [line for line, before in zip(file.read_text().splitlines(), SHIPPED.splitlines(), strict=True) if line != before]
    assert len(changed) == 1 and changed[0].startswith("  batch_size: 7  # patches")


@pytest.mark.parametrize("network", [name for name, section in params.load().networks.items() if "datasets" in section])
def test_dvc_can_empty_the_list_of_a_network(tmp_path, network):
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED)
    apply_overrides(file, [f"{network}.datasets=[]"])
    assert params.load(file).networks == params.load().networks | {network: params.load().networks[network] | {"datasets": []}}


@pytest.mark.parametrize("section", ["pairs", "transfers"])
def test_dvc_can_add_an_entry_and_remove_it_again(tmp_path, section):
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED)
    apply_overrides(file, [f"+{section}.a-b={{a: b}}"])
    apply_overrides(file, [f"~{section}.a-b"])
    assert params.load(file) == params.load()


def test_a_data_set_needs_few_keys(load):
    values = yaml.safe_load(SHIPPED)
    values["datasets"]["nuclei"] = {
        "task": "segmentation",
        "source": "folder",
        "path": "data/own/nuclei",
        "folder": None,
        "patches": {"size": [64, 64], "stride": [64, 64]},
    }
    values["unet"]["datasets"].append("nuclei")
    found = load(yaml.safe_dump(values, sort_keys=False))
    assert found.dataset("nuclei").split.method == "groups"
    assert found.networks_of("nuclei") == ["unet"]
    assert found.networks_of("polyps") == ["unet", "attn_resunet"]


@pytest.fixture
def masks(load):
    """Load a data set whose masks are read by some classes and the settings of its folder."""

    def masks(classes, **folder):
        values = yaml.safe_load(SHIPPED)
        values["datasets"]["polyps"] |= {"source": "folder", "classes": classes, "folder": folder}
        return load(yaml.safe_dump(values, sort_keys=False)).dataset("polyps")

    return masks


def test_classes_of_masks_may_have_values(masks):
    found = masks({"background": 0, "nucleus": [1, 2], "border": 3}, ignore=255)
    assert found.class_names == ("background", "nucleus", "border")
    assert found.class_values == ((0,), (1, 2), (3,)) and found.folder.ignore == (255,)
    found = masks(["background", "nucleus"])
    assert found.class_names == ("background", "nucleus") and found.class_values == found.folder.ignore == ()
    assert masks(None).class_names is None


@pytest.mark.parametrize(
    ("classes", "folder", "told"),
    [
        ({"a": 0, "b": [1, 0]}, {}, "expected one meaning for each value, received [0] twice"),
        ({"a": 0, "b": 255}, {"ignore": 255}, "expected one meaning for each value, received [255] twice"),
        ({"a": 0, "b": []}, {}, "expected one or more values for each class"),
        ({"a": 0, "b": 1.5}, {}, "expected an integer or a list of integers, received 1.5"),
        ({"a": 0, "b": 1}, {"mask_labels": [1]}, "classes and folder.mask_labels each say what the values of a mask mean"),
        ({str(n): n for n in range(256)}, {}, "expected at most 255, received 256"),
    ],
)
def test_values_of_classes_are_clear(masks, classes, folder, told):
    with pytest.raises(UserError) as caught:
        masks(classes, **folder)
    (line,) = str(caught.value).splitlines()
    assert told in line and "datasets.polyps" in line


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"nuclei is not a data set in params\.yaml; the data sets are: mitochondria"):
        params.load().dataset("nuclei")


def test_a_transfer_is_between_data_sets_with_as_many_classes(load):
    values = yaml.safe_load(SHIPPED) | {"transfers": {"polyps-on-mitochondria": {"model": "polyps", "images": "mitochondria"}}}
    (key,) = load(yaml.safe_dump(values)).transfers
    assert key == "polyps-on-mitochondria"
    values["datasets"]["polyps"]["classes"] = ["ground", "polyp"]
    load(yaml.safe_dump(values))  # the source's own classes are not known here
    organelles = {"background": 0, "vesicle": 1, "mitochondrion": 2}
    values["datasets"]["mitochondria"] |= {"source": "folder", "classes": organelles}
    with pytest.raises(UserError, match=r"transfers\.polyps-on-mitochondria: expected 2 classes as of polyps, received 3"):
        load(yaml.safe_dump(values))


def test_pairs_train_networks_without_a_list_of_their_own(tmp_path, monkeypatch, load):
    (tmp_path / "toy.py").touch()
    for name in params.network_names():
        (tmp_path / f"{name}.py").touch()
    monkeypatch.setattr(params.paths, "NETWORKS", tmp_path)
    values = yaml.safe_load(SHIPPED) | {"toy": {}, "pairs": {"polyps-toy": {"dataset": "polyps", "network": "toy"}}}
    assert load(yaml.safe_dump(values, sort_keys=False)).networks_of("polyps") == ["unet", "attn_resunet", "toy"]
    with pytest.raises(UserError, match=r"pairs\.toys: call it polyps-toy"):
        load(yaml.safe_dump(values | {"pairs": {"toys": {"dataset": "polyps", "network": "toy"}}}, sort_keys=False))
    with pytest.raises(UserError, match=r"toy\.datasets: no stage trains this list"):
        load(yaml.safe_dump(values | {"toy": {"datasets": ["polyps"]}}, sort_keys=False))
    del values["toy"]
    with pytest.raises(UserError, match=r"pairs\.polyps-toy: the section toy is missing"):
        load(yaml.safe_dump(values, sort_keys=False))


@pytest.mark.parametrize("name", ["plots", "results", "transfers"])
def test_a_data_set_is_not_called_as_a_folder_of_all(load, name):
    values = yaml.safe_load(SHIPPED)
    values["datasets"][name] = values["datasets"]["polyps"]
    with pytest.raises(UserError, match=f"datasets.{name}: reports/{name} holds something else; choose another name"):
        load(yaml.safe_dump(values))
