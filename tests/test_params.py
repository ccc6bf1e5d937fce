"""params.yaml: what is shipped is sound, and what is wrong is one line that names the key."""

import re
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import UserError

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
    return yaml.safe_dump(values).replace("'@'", value)


def test_an_empty_file_is_told(load):
    with pytest.raises(UserError, match="expected keys and values, received None"):
        load("")


def test_every_key_has_its_reason_on_its_line():
    for line in SHIPPED.splitlines():
        if re.match(r"\s*\w+: \S", line) and not line.startswith("#"):
            assert "  # " in line, line


@pytest.mark.parametrize("text", ["1e-5", "1.0e-5", "0.00001", "1E-05", "'1e-5'"])
def test_a_learning_rate_is_a_number_however_it_is_written(load, text):
    assert load(changed("train.lr", text)).train.lr == 0.00001


@given(st.floats(1e-12, 1e3))
def test_every_positive_number_survives_its_text(value):
    assert params._number(repr(value)) == value


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("train.lr", "0", "train.lr: expected greater than 0, received 0"),
        ("train.lr", "-1e-3", "train.lr: expected greater than 0"),
        ("train.lr", ".nan", "train.lr: expected"),
        ("train.lr", "fast", "train.lr: expected a valid number, received 'fast'"),
        ("train.epochs", "2.5", "train.epochs: expected a valid integer, received 2.5"),
        ("train.epochs", "true", "train.epochs: expected a valid integer, received True"),
        ("train.loss", "bce-dice", "train.loss: expected 'bce_dice', 'bce', 'dice', 'focal' or 'tversky', received 'bce-dice'"),
        ("datasets.polyps.source", "vnc", "datasets.polyps.source: expected 'phantom', 'kvasir-seg' or 'folder', received 'vnc'"),
        (
            "datasets.polyps.split",
            "{method: blocks, val: 0.6, test: 0.5, gap: 0, block: 1}",
            "datasets.polyps.split: expected val + test below 1",
        ),
        ("datasets.polyps.folder.group", "'p(\\d+'", "datasets.polyps.folder: expected group to be a regular expression"),
        ("datasets.polyps.folder.group", "'p'", "datasets.polyps.folder: expected group to hold one pair of parentheses"),
        ("datasets.tissue.patches.resize", "[16, 48]", "datasets.tissue: expected patches.resize of at least [32, 32]"),
        ("datasets.mitochondria.patches.size", "[128]", "datasets.mitochondria.patches.size.1: missing key"),
        ("datasets.polyps.patches.stride", "[96, 192]", "datasets.polyps.patches: expected stride of at most the size"),
        ("datasets.polyps.folder.mask_labels", "[]", "datasets.polyps.folder.mask_labels: expected"),
        ("train.warmup", "3.5", "train.warmup: expected at most the 3 epochs of attn_resunet, received 3.5"),
        ("inference.overlap", "[600, 64]", "inference: expected overlap of at most half the tile"),
        ("unet.depth", "9", "unet.depth: expected less than or equal to 7, received 9"),
    ],
)
def test_one_line_names_the_key_and_what_is_allowed(load, key, value, told):
    with pytest.raises(UserError) as caught:
        load(changed(key, value))
    (line,) = str(caught.value).splitlines()
    assert told in line


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
        ("datasets:\n", "datasets.batch-size: unknown key; known here: mitochondria, polyps, tissue"),
        ("unet:\n", "unet.batch-size: unknown key; did you mean batch_scale?"),
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


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="expected a readable file"):
        params.load(tmp_path / "params.yaml")


def test_dvc_changes_the_line_that_it_should_and_no_other(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED)
    apply_overrides(file, [f"seed={params.load().seed}"])
    assert file.read_text() == SHIPPED
    apply_overrides(file, ["train.batch_size=7"])
    changed = [line for line, before in zip(file.read_text().splitlines(), SHIPPED.splitlines(), strict=True) if line != before]
    assert len(changed) == 1 and changed[0].startswith("  batch_size: 7  # patches")
