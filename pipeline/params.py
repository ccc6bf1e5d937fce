"""The only reader of ``params.yaml``: every key typed, checked, and refused in one line where it is wrong."""

import difflib
import re
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline import paths
from pipeline.errors import UserError


def _number(value):
    """Read text such as ``1e-5`` as a number: YAML 1.1 wants a dot and a sign (``1.0e-5``), people and DVC do not."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value):
        return float(value)
    return value


Real = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Real, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Real, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[Real, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Pair = Annotated[tuple[Count, Count], Field(strict=False)]
NonNegativePair = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], Field(strict=False)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Split(Section):
    method: Literal["blocks", "groups", "random"]
    val: Fraction
    test: Fraction
    gap: Annotated[int, Field(ge=0)]
    block: Count

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self):
        if self.val + self.test >= 1:
            raise ValueError(f"expected val + test below 1, received {self.val} + {self.test}")
        return self


class Resize(Section):
    resize: Pair | None


class Patches(Resize):
    size: Pair
    stride: Pair

    @model_validator(mode="after")
    def _patches_cover_the_image(self):
        if any(step > side for step, side in zip(self.stride, self.size, strict=True)):
            raise ValueError(f"expected stride of at most the size {self.size}, received {self.stride}")
        return self


class ReadImages(Section):
    """How a user's folder is read."""

    group: str | None
    pixel_size_nm: Annotated[tuple[Positive, Positive], Field(strict=False)] | None

    @model_validator(mode="after")
    def _group_is_a_pattern(self):
        if self.group is None:
            return self
        try:
            groups = re.compile(self.group).groups
        except re.error as error:
            raise ValueError(f"expected group to be a regular expression, received {self.group!r}: {error}") from error
        if groups != 1:
            raise ValueError(f"expected group to hold one pair of parentheses, received {self.group!r}")
        return self


class ReadMasks(ReadImages):
    mask_threshold: Annotated[int, Field(ge=0)] | None
    mask_labels: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)] | None


class Dataset(Section):
    """What every dataset has; each narrows `source`, `folder` and `patches`."""

    source: str
    path: str
    url: str | None
    folder: ReadImages
    split: Split
    patches: Resize


class Segmentation(Dataset):
    folder: ReadMasks
    patches: Patches


class Mitochondria(Segmentation):
    source: Literal["phantom", "vnc", "lucchi++", "epfl", "folder"]


class Polyps(Segmentation):
    source: Literal["phantom", "kvasir-seg", "folder"]


class Tissue(Dataset):
    source: Literal["phantom", "kather2016", "kvasir-v2", "bloodmnist", "folder"]

    @model_validator(mode="after")
    def _fits_vgg16(self):
        if self.patches.resize is None or min(self.patches.resize) < 32:
            raise ValueError(f"expected patches.resize of at least [32, 32], received {self.patches.resize}")
        return self


class Datasets(Section):
    mitochondria: Mitochondria
    polyps: Polyps
    tissue: Tissue


class Audit(Section):
    correlation: Annotated[Real, Field(gt=0, le=1)]
    allow_identical: bool
    group: bool


class Augment(Section):
    copies: Annotated[int, Field(ge=0)]
    rotation: Annotated[Real, Field(ge=0, le=180)]
    scale: Fraction
    elastic: NonNegative
    elastic_sigma: Positive
    brightness: Fraction
    contrast: Fraction
    colour: Fraction
    noise: Fraction
    blur: NonNegative


class Train(Section):
    lr: Positive
    batch_size: Count
    epochs: Count
    precision: Literal["auto", "float32", "bfloat16"]
    optimizer: Literal["adam", "sgd"]
    schedule: Literal["cosine", "constant"]
    warmup: NonNegative
    loss: Literal["bce_dice", "bce", "dice", "focal", "tversky"]
    monitor: Literal["loss", "metric"]
    patience: Annotated[int, Field(ge=0)]
    flips: bool
    repeats: Count
    devices: Literal["auto"] | Count


class UNet(Section):
    filters: Count
    depth: Annotated[int, Field(ge=1, le=7)]
    dropout: Fraction
    normalization: Literal["batch", "none"]
    lr_scale: Positive
    epochs_scale: Positive
    batch_scale: Positive


class VGG16(Section):
    weights: str | None
    dense: Count
    dropout: Fraction
    normalization: Literal["batch", "none"]
    frozen_blocks: Annotated[int, Field(ge=0, le=5)]
    lr_scale: Positive
    epochs_scale: Positive
    batch_scale: Positive


class Inference(Section):
    tile: Pair
    overlap: NonNegativePair
    batch_size: Count
    flips: bool

    @model_validator(mode="after")
    def _windows_advance(self):
        if any(2 * o > t for o, t in zip(self.overlap, self.tile, strict=True)):
            raise ValueError(f"expected overlap of at most half the tile, received {self.overlap} of {self.tile}")
        return self


class Evaluation(Section):
    tolerance: NonNegative


class Params(Section):
    """The whole of ``params.yaml``; its comments say what each key means."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    datasets: Datasets
    audit: Audit
    augment: Augment
    train: Train
    unet: UNet
    attn_resunet: UNet
    vgg16: VGG16
    inference: Inference
    evaluation: Evaluation

    def dataset(self, name):
        return getattr(self.datasets, name)

    def network(self, name):
        return getattr(self, name)

    def training(self, name):
        """How a network is trained: the `train` section with the epochs and the batch size that its own section scales."""
        own = self.network(name)
        scaled = {"epochs": own.epochs_scale * self.train.epochs, "batch_size": own.batch_scale * self.train.batch_size}
        return self.train.model_copy(update={key: max(1, round(value)) for key, value in scaled.items()})

    @model_validator(mode="after")
    def _warms_up_in_time(self):
        for name in ("unet", "attn_resunet", "vgg16"):
            epochs = self.training(name).epochs
            if self.train.warmup > epochs:
                raise ValueError(f"train.warmup: expected at most the {epochs} epochs of {name}, received {self.train.warmup}")
        return self


def load(path=paths.PARAMS):
    """Read and check ``params.yaml``.

    Returns
    -------
    Params
        Immutable; attributes as the keys (``params.train.lr``).

    Raises
    ------
    UserError
        One line per finding: the key, what is allowed, what was received.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected a readable file, received: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: expected YAML, received: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected keys and values, received {values!r}")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(f"{path}: {_line(finding)}" for finding in error.errors())) from error


def _line(finding):
    # The validators of unions and pairs add their own names to the location: only keys and positions are the user's.
    *above, last = finding["loc"] or [""]
    location = [part for part in above if isinstance(part, int) or re.fullmatch(r"\w+", str(part))]
    if finding["type"] == "extra_forbidden" or isinstance(last, int) or re.fullmatch(r"\w+", str(last)):
        location.append(last)
    key = ".".join(str(part) for part in location)
    if finding["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(location)}"
    if finding["type"] == "missing":
        return f"{key}: missing key"
    message = finding["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if finding["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key}: expected {message}, received {finding['input']!r}"


def _suggestion(location):
    section = Params
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    close = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    known = ", ".join(section.model_fields)
    return f"; did you mean {close[0]}?" if close else f"; known here: {known}"
