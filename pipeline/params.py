"""The only reader of ``params.yaml``: every key has a type, and a wrong value is reported with its key."""

import difflib
import math
import os
import re
from typing import Annotated, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from pipeline import paths
from pipeline.errors import UserError


def _number(value):
    """Read text such as ``1e-5`` as a number: YAML 1.1 requires a dot and a sign (``1.0e-5``), people and DVC do not."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value):
        return float(value)
    return value


LARGE = 2**63  # masks are read as signed 64-bit integers
MOST_CLASSES = 255  # 8-bit class numbers; 255 itself means ignored

Real = Annotated[float, BeforeValidator(_number)]
Finite = Annotated[Real, Field(allow_inf_nan=False)]
Positive = Annotated[Real, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Real, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[Real, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Pair = Annotated[tuple[Count, Count], Field(strict=False)]
NaturalPair = Annotated[tuple[Natural, Natural], Field(strict=False)]
Label = Annotated[int, Field(ge=1, lt=LARGE)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w-]*$")]


def _class_weights(value):
    if value in ("none", "balanced"):
        return value
    numbers = [_number(number) for number in value] if isinstance(value, list | tuple) else []
    sound = all(isinstance(number, int | float) and 0 <= number < math.inf for number in numbers)
    if len(numbers) < 2 or not sound or sum(numbers) == 0:
        raise ValueError(f"expected none, balanced or a number for each class, such as [1, 5], received {value!r}")
    return tuple(numbers)


ClassWeights = Annotated[str | tuple[float, ...], PlainValidator(_class_weights)]


class Section(BaseModel):
    """A block of ``params.yaml``: unknown keys are errors, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _or_defaults(value):
    return {} if value is None else value  # a section without any key is null in YAML


def _values(value):
    """Read one integer, a list of them or null as a tuple."""
    values = () if value is None else (value,) if isinstance(value, int) else value
    whole = isinstance(values, list | tuple) and all(type(number) is int and abs(number) < LARGE for number in values)
    if not whole:
        raise ValueError(f"expected an integer or a list of integers, received {value!r}")
    return tuple(values)


def _classes(value):
    """Read a list of names, or a mapping of names to values of a mask."""
    names = list(value) if isinstance(value, dict | list | tuple) else []
    if len(names) < 2 or len(set(map(str, names))) < len(names) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f"expected at least two different names (in quotes if YAML reads them as anything else) or a mapping of names to "
            f"mask values, received {value!r}"
        )
    if not isinstance(value, dict):
        return tuple(names)
    values = {name: _values(value[name]) for name in names}
    if any(not meant for meant in values.values()):
        raise ValueError(f"expected one or several values for each class, received {value!r}")
    return values


class Folder(Section):
    """How a user's folder of images is read."""

    group: str | None = None
    pixel_size_nm: Annotated[tuple[Positive, ...], Field(strict=False, min_length=2, max_length=3)] | None = None
    mask_threshold: Natural | None = None
    mask_labels: Annotated[tuple[Label, ...], Field(strict=False, min_length=1)] | None = None
    instances: bool = False
    ignore: Annotated[tuple[int, ...], BeforeValidator(_values)] = ()

    @model_validator(mode="after")
    def _group_is_a_pattern(self):
        try:
            if self.group is not None and re.compile(self.group).groups != 1:
                raise ValueError(f"group must hold one pair of parentheses, not {self.group!r}")
        except re.error as error:
            raise ValueError(f"group must be a regular expression, not {self.group!r}: {error}") from error
        return self


class Split(Section):
    method: Literal["blocks", "groups", "random"] = "groups"
    val: Fraction = 0.15
    test: Fraction = 0.2
    gap: Natural = 0
    unit: Positive | None = None

    @model_validator(mode="before")
    @classmethod
    def _units_are_lengths(cls, values):
        if isinstance(values, dict) and "block" in values:
            raise ValueError("block counted images and is gone; remove it, or set unit, a length in nm")
        return values

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self):
        if self.val + self.test >= 1:
            raise ValueError(f"val + test must be below 1 to leave training images, not {self.val} + {self.test}")
        return self


class Patches(Section):
    resize: Pair | None = None
    size: Pair | None = None
    stride: Pair | None = None
    foreground: Fraction = 0.0


def _ascending(pair):
    if pair[0] >= pair[1]:
        raise ValueError(f"expected the lower intensity first, then the higher, received {list(pair)}")
    return pair


Range = Annotated[tuple[Finite, Finite], Field(strict=False), AfterValidator(_ascending)]


class Dataset(Section):
    """One data set: what it is for, where its images come from, how they are split and cut."""

    task: Literal["segmentation", "classification"]
    source: str
    path: str
    url: str | None = None
    intensity: Literal["auto", "image"] | Range = "auto"
    classes: Annotated[tuple[str, ...] | dict[str, tuple[int, ...]], BeforeValidator(_classes)] | None = None
    folder: Annotated[Folder, BeforeValidator(_or_defaults)] = Folder()
    split: Annotated[Split, BeforeValidator(_or_defaults)] = Split()
    patches: Patches
    reported: Annotated[dict[str, Real | str], BeforeValidator(_or_defaults)] = {}

    @property
    def class_names(self):
        """Names of the classes in the order of their numbers, or None."""
        return self.classes and tuple(self.classes)

    @property
    def class_values(self):
        """The values in a mask of each class, in the order of `class_names`: empty unless ``classes`` is a mapping."""
        return tuple(self.classes.values()) if isinstance(self.classes, dict) else ()

    @model_validator(mode="after")
    def _path_is_spelled_out(self):
        if self.path.startswith("~"):
            raise ValueError(f"path: neither DVC nor the pipeline expands ~; write {os.path.expanduser(self.path)}")
        return self

    @model_validator(mode="after")
    def _masks_have_one_meaning(self):
        folder, values = self.folder, [value for meant in self.class_values for value in meant]
        if values and (self.task, self.source) != ("segmentation", "folder"):
            raise ValueError("classes: only masks of source folder have values; give a list of names")
        if self.task == "segmentation" and len(self.classes or ()) > 2 and not values:
            raise ValueError(
                "classes: more than two need the mask values of each, such as {background: 0, nucleus: [1, 2], border: 3}"
            )
        if len(self.class_values) > MOST_CLASSES:
            raise ValueError(f"classes: expected at most {MOST_CLASSES}, received {len(self.class_values)}")
        twice = sorted({value for value in values if values.count(value) > 1 or value in folder.ignore})
        if twice:
            raise ValueError(f"classes and folder.ignore: expected one meaning for each value, received {twice} twice")
        rules = {"classes": values, "folder.mask_threshold": folder.mask_threshold is not None}
        rules |= {"folder.mask_labels": folder.mask_labels, "folder.instances": folder.instances}
        given = [name for name, setting in rules.items() if setting]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} say each what the values of a mask mean; keep one of them")
        return self

    @model_validator(mode="after")
    def _patches_suit_the_task(self):
        resize, size, stride = self.patches.resize, self.patches.size, self.patches.stride
        if self.task == "classification":
            if resize is None or size or stride or self.patches.foreground:
                raise ValueError("classification needs patches.resize, and no size, stride or foreground: it takes whole images")
        elif size is None or stride is None:
            raise ValueError("segmentation needs patches.size and patches.stride")
        elif any(step > side for step, side in zip(stride, size, strict=True)):
            raise ValueError(f"patches.stride must be at most patches.size {list(size)}, not {list(stride)}")
        return self


class Audit(Section):
    correlation: Annotated[Real, Field(gt=0, le=1)]
    allow_identical: bool
    group: bool


class Augment(Section):
    copies: Natural
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
    monitor: Literal["loss", "metric"]
    patience: Natural
    flips: bool
    repeats: Count
    devices: Literal["auto"] | Count


class Segmentation(Section):
    loss: Literal["bce_dice", "bce", "dice", "focal", "tversky"]
    class_weights: ClassWeights
    tolerance: NonNegative


class Classification(Section):
    class_weights: ClassWeights
    sampling: Literal["all", "balanced"]

    @model_validator(mode="after")
    def _rare_classes_are_raised_once(self):
        if self.class_weights == self.sampling == "balanced":
            raise ValueError("class_weights and sampling are both balanced, which raises rare classes twice; choose one")
        return self


class Inference(Section):
    tile: Pair
    overlap: NaturalPair
    batch_size: Count
    flips: bool

    @model_validator(mode="after")
    def _windows_advance(self):
        if any(2 * o > t for o, t in zip(self.overlap, self.tile, strict=True)):
            raise ValueError(f"overlap must be at most half the tile {list(self.tile)}, not {list(self.overlap)}")
        return self


class TrainedPair(Section):
    dataset: str
    network: str


class Params(BaseModel):
    """The whole of ``params.yaml``; its comments say what each key means.

    Every section that is not named here is that of a network: the module of the same name in ``pipeline/networks`` knows
    its keys.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    audit: Audit
    augment: Augment
    train: Train
    segmentation: Segmentation
    classification: Classification
    inference: Inference
    pairs: Annotated[dict[str, TrainedPair], BeforeValidator(_or_defaults)] = {}

    @property
    def networks(self):
        """Sections of the networks as they stand in the file: dict of str to dict."""
        return self.model_extra

    def dataset(self, name):
        """The block of one data set; a `UserError` lists those that exist if there is none of that name."""
        if name not in self.datasets:
            raise UserError(f"{name} is no data set of {paths.PARAMS}; there are: {', '.join(self.datasets)}")
        return self.datasets[name]

    def networks_of(self, dataset):
        """Names of the networks that are trained on a data set, in the order of the file."""
        listed = [name for name, section in self.networks.items() if dataset in section.get("datasets", ())]
        return listed + [pair.network for pair in self.pairs.values() if pair.dataset == dataset]

    @model_validator(mode="after")
    def _networks_exist(self):
        known = network_names()
        for name, section in self.networks.items():
            if name not in known:
                raise ValueError(f"{name}: unknown key{_did_you_mean(name, [*type(self).model_fields, *known])}")
            if not isinstance(section, dict):
                raise ValueError(f"{name}: expected the settings of a network, received {section!r}")
            if not isinstance(section.get("datasets", []), list):
                raise ValueError(f"{name}.datasets: expected a list of data sets, received {section['datasets']!r}")
            for dataset in section.get("datasets", ()):
                if dataset not in list(self.datasets):  # a list: what stands there may have no hash
                    raise ValueError(f"{name}.datasets: unknown data set {dataset!r}{_did_you_mean(dataset, self.datasets)}")
            if "datasets" in section and not _has_stage(name):
                raise ValueError(f"{name}.datasets: no stage trains this list; name each data set under pairs instead")
        return self

    @model_validator(mode="after")
    def _pairs_exist(self):
        for key, pair in self.pairs.items():
            for what, name, known in (("data set", pair.dataset, self.datasets), ("network", pair.network, network_names())):
                if name not in known:
                    raise ValueError(f"pairs.{key}: unknown {what} {name!r}{_did_you_mean(name, known)}")
            if key != f"{pair.dataset}-{pair.network}":
                raise ValueError(f"pairs.{key}: call it {pair.dataset}-{pair.network}, as its stage and its model")
            if "datasets" in self.networks.get(pair.network, {}):
                raise ValueError(f"pairs.{key}: add {pair.dataset} to {pair.network}.datasets instead, which a stage trains")
            if pair.network not in self.networks:
                raise ValueError(f"pairs.{key}: the section {pair.network} is missing; `{pair.network}: {{}}` takes all defaults")
        return self


def network_names():
    """Names of all networks: the modules of ``pipeline/networks``."""
    return sorted(file.stem for file in paths.NETWORKS.glob("[!_]*.py"))


def _has_stage(network):
    """Whether ``dvc.yaml`` trains a network on each data set of its own list."""
    return not paths.PIPELINE.exists() or f"${{{network}.datasets}}" in paths.PIPELINE.read_text(encoding="utf-8")


def load(path=paths.PARAMS):
    """Read and check ``params.yaml``.

    Returns
    -------
    Params
        Immutable; attributes as the keys (``params.train.lr``).

    Raises
    ------
    UserError
        One line for each mistake: the key, what is allowed, what was received.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected keys and values, received {values!r}")
    return check(Params, values, path)


def check(model, values, path, section=""):
    """Turn plain values into a section.

    Parameters
    ----------
    model : type of pydantic.BaseModel
    values : dict
    path : path-like
        Named in errors.
    section : str
        Key under which the values stand.

    Raises
    ------
    UserError
        One line for each mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_line(model, mistake, section) for mistake in error.errors()]
        raise UserError("\n".join(f"{path}: {line}" for line in dict.fromkeys(lines))) from error


def _line(model, mistake, section):
    # The validators of unions and pairs add their own names to the location: only keys and positions are the user's.
    *above, last = mistake["loc"] or [""]
    location = [part for part in above if re.fullmatch(r"[\w-]+", str(part))]
    if mistake["type"] == "extra_forbidden" or re.fullmatch(r"[\w-]+", str(last)):
        location.append(last)
    key = ".".join(str(part) for part in [*([section] if section else []), *location])
    if mistake["type"] == "extra_forbidden":
        return f"{key}: unknown key{_did_you_mean(str(location[-1]), _known_keys(model, location[:-1]))}"
    if mistake["type"] == "missing":
        return f"{key}: missing key"
    message = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if mistake["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key}: expected {message}, received {mistake['input']!r}"


def _known_keys(model, location):
    for part in location:
        if isinstance(model, type) and part in getattr(model, "model_fields", {}):
            model = model.model_fields[part].annotation
        else:  # the name of a data set or of a pair
            model = model.__args__[1]
    return model.model_fields


def _did_you_mean(name, known):
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"
