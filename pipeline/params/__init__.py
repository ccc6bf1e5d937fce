"""The only reader of ``params.yaml``: every key has a type, and a wrong value is reported with its key."""

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from pipeline import paths
from pipeline.errors import UserError
from pipeline.params.dataset import Dataset
from pipeline.params.fields import (
    RESERVED,
    ClassWeights,
    Count,
    Fraction,
    Name,
    Natural,
    NaturalPair,
    NonNegative,
    Pair,
    Positive,
    Real,
    Section,
    or_defaults,
)
from pipeline.params.messages import check, did_you_mean


class Audit(Section):
    correlation: Annotated[Real, Field(gt=0, le=1)]
    allow_identical: bool
    group: bool


class Augment(Section):
    when: Literal["patchify", "epoch", "never"]
    copies: Natural
    rotation: Annotated[Real, Field(ge=0, le=180)]
    scale: Fraction
    stretch: Fraction
    shear: Annotated[Real, Field(ge=0, lt=90)]
    elastic: NonNegative
    elastic_sigma: Positive
    brightness: Fraction
    contrast: Fraction
    colour: Fraction
    gamma: NonNegative
    noise: Fraction
    blur: NonNegative
    cutout: Fraction
    faults: Fraction


def _devices(value):
    if value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError(f"expected auto or a number of devices, received {value!r}")


class Train(Section):
    lr: Positive
    batch_size: Count
    epochs: Count
    minutes: Positive | None
    start: str | None
    precision: Literal["auto", "float32", "bfloat16"]
    optimizer: Literal["adam", "adamw", "sgd"]
    weight_decay: NonNegative
    schedule: Literal["cosine", "one_cycle", "constant"]
    warmup: NonNegative
    average: Fraction
    recalibrate: bool
    monitor: Literal["loss", "metric"]
    patience: Natural
    flips: bool
    repeats: Count
    devices: Annotated[str | int, PlainValidator(_devices)]


class Segmentation(Section):
    loss: Literal["bce_dice", "bce", "dice", "focal", "tversky"]
    class_weights: ClassWeights
    tolerance: NonNegative


class Classification(Section):
    class_weights: ClassWeights
    label_smoothing: Fraction
    sampling: Literal["all", "balanced"]

    @model_validator(mode="after")
    def _rare_classes_are_raised_once(self):
        if self.class_weights == self.sampling == "balanced":
            raise ValueError("class_weights and sampling are both balanced, which favours rare classes twice; choose one")
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


class Transfer(Section):
    model: str
    images: str


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
    pairs: Annotated[dict[str, TrainedPair], BeforeValidator(or_defaults)] = {}
    transfers: Annotated[dict[str, Transfer], BeforeValidator(or_defaults)] = {}

    @property
    def networks(self):
        """Sections of the networks as they stand in the file: dict of str to dict."""
        return self.model_extra

    def dataset(self, name):
        """The block of one data set; a `UserError` lists those that exist if there is none of that name."""
        if name not in self.datasets:
            raise UserError(f"{name} is not a data set in {paths.PARAMS}; the data sets are: {', '.join(self.datasets)}")
        return self.datasets[name]

    def networks_of(self, dataset):
        """Names of the networks that are trained on a data set, in the order of the file."""
        listed = [name for name, section in self.networks.items() if dataset in section.get("datasets", ())]
        return listed + [pair.network for pair in self.pairs.values() if pair.dataset == dataset]

    @model_validator(mode="before")
    @classmethod
    def _augmentation_has_one_switch(cls, values):
        augment, train = values.get("augment"), values.get("train")
        if isinstance(augment, dict) and isinstance(train, dict) and augment.get("when") == "never":
            return values | {"augment": augment | {"copies": 0}, "train": train | {"flips": False}}
        return values

    @model_validator(mode="after")
    def _data_sets_have_folders_of_their_own(self):
        for name in self.datasets:
            if name in RESERVED:
                raise ValueError(f"datasets.{name}: reports/{name} holds something else; choose another name")
        return self

    @model_validator(mode="after")
    def _networks_exist(self):
        known = network_names()
        for name, section in self.networks.items():
            if name not in known:
                raise ValueError(f"{name}: unknown key{did_you_mean(name, [*type(self).model_fields, *known])}")
            if not isinstance(section, dict):
                raise ValueError(f"{name}: expected the settings of a network, received {section!r}")
            if not isinstance(section.get("datasets", []), list):
                raise ValueError(f"{name}.datasets: expected a list of data sets, received {section['datasets']!r}")
            for dataset in section.get("datasets", ()):
                if dataset not in list(self.datasets):  # a list: what stands there may have no hash
                    raise ValueError(f"{name}.datasets: unknown data set {dataset!r}{did_you_mean(dataset, self.datasets)}")
            if "datasets" in section and not _has_stage(name):
                raise ValueError(f"{name}.datasets: no stage trains this list; name each data set under pairs instead")
        return self

    @model_validator(mode="after")
    def _pairs_exist(self):
        for key, pair in self.pairs.items():
            for what, name, known in (("data set", pair.dataset, self.datasets), ("network", pair.network, network_names())):
                if name not in known:
                    raise ValueError(f"pairs.{key}: unknown {what} {name!r}{did_you_mean(name, known)}")
            if key != f"{pair.dataset}-{pair.network}":
                raise ValueError(f"pairs.{key}: call it {pair.dataset}-{pair.network}, after its data set and network")
            if "datasets" in self.networks.get(pair.network, {}):
                raise ValueError(f"pairs.{key}: add {pair.dataset} to {pair.network}.datasets instead, which a stage trains")
            if pair.network not in self.networks:
                raise ValueError(f"pairs.{key}: the section {pair.network} is missing; `{pair.network}: {{}}` takes all defaults")
        return self

    @model_validator(mode="after")
    def _transfers_compare_like_with_like(self):
        for key, transfer in self.transfers.items():
            names = transfer.model, transfer.images
            for name in names:
                if name not in self.datasets:
                    raise ValueError(f"transfers.{key}: unknown data set {name!r}{did_you_mean(name, self.datasets)}")
            if transfer.model == transfer.images:
                raise ValueError(f"transfers.{key}: expected two data sets, received {names[0]} twice; `evaluate` scores its own")
            if key != f"{transfer.model}-on-{transfer.images}":
                raise ValueError(f"transfers.{key}: call it {transfer.model}-on-{transfer.images}, after its two data sets")
            ours, theirs = (self.datasets[name] for name in names)
            if ours.task != theirs.task:
                raise ValueError(f"transfers.{key}: expected task {ours.task} as of {names[0]}, received {theirs.task}")
            counts = [len(dataset.class_names or ()) for dataset in (ours, theirs)]
            if all(counts) and counts[0] != counts[1]:  # null: the source's own, which only the stage knows
                raise ValueError(f"transfers.{key}: expected {counts[0]} classes as of {names[0]}, received {counts[1]}")
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
