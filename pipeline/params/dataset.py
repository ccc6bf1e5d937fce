"""The block of a data set in ``params.yaml``."""

import os
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from pipeline.params.fields import (
    LARGE,
    MOST_CLASSES,
    Count,
    Fraction,
    Label,
    Natural,
    Pair,
    Positive,
    Real,
    Section,
    finite,
    list_of,
    number,
    or_defaults,
)

SIZES = list_of("height and width of a pixel in nm, such as [4.6, 4.6], optionally after the distance between sections", 2, 3)
LARGEST_FACTOR = 4  # of patches.resize: a larger number is more likely a mistaken size
LABELS = list_of("the values that are foreground, such as [1, 2]", 1)


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
        raise ValueError(f"expected one or more values for each class, received {value!r}")
    return values


class Folder(Section):
    """How a user's folder of images is read."""

    group: str | None = None
    pixel_size_nm: Annotated[tuple[Positive, ...], Field(strict=False), SIZES] | None = None
    mask_threshold: Natural | None = None
    mask_labels: Annotated[tuple[Label, ...], Field(strict=False), LABELS] | None = None
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
    folds: Count = 1
    gap: Natural = 0
    unit: Positive | None = None

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self):
        if self.folds == 2:
            raise ValueError("folds must be 1 or at least 3: one is for test, one for validation, the others for training")
        if self.val + self.test >= 1:
            raise ValueError(f"val + test must be below 1 to leave training images, not {self.val} + {self.test}")
        return self


def _resize(value):
    """Read rows and columns as a tuple of integers, a factor as float, or None."""
    if value is None:
        return None
    factor = number(value)
    if type(factor) in (int, float) and 0 < factor <= LARGEST_FACTOR:
        return float(factor)
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return tuple(value)
    expected = f"rows and columns, such as [192, 256], or a factor of up to {LARGEST_FACTOR}, such as 0.5"
    raise ValueError(f"expected {expected}, received {value!r}")


def _flat(value):
    if isinstance(value, list) and len(value) == 3:
        raise ValueError(f"expected rows and columns, received {value!r}; for depth, set context to the sections on each side")
    return value


Resize = Annotated[tuple[int, int] | float | None, PlainValidator(_resize)]
Flat = Annotated[Pair, BeforeValidator(_flat)]


class Patches(Section):
    resize: Resize = None
    size: Flat | None = None
    stride: Flat | None = None
    foreground: Fraction = 0.0
    context: Natural = 0


def _intensity(value):
    """Give one message for every mistake; a union would give one for each of its types."""
    if value in ("auto", "image"):
        return value
    numbers = finite(value)
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise ValueError(f"expected auto, image or two numbers, the lower first, such as [0, 4095], received {value!r}")
    return tuple(map(float, numbers))


class Dataset(Section):
    """One data set: what it is for, where its images come from, how they are split and cut."""

    task: Literal["segmentation", "classification"]
    source: str
    path: str
    url: str | None = None
    intensity: Annotated[str | tuple[float, float], PlainValidator(_intensity)] = "auto"
    classes: Annotated[tuple[str, ...] | dict[str, tuple[int, ...]], BeforeValidator(_classes)] | None = None
    folder: Annotated[Folder, BeforeValidator(or_defaults)] = Folder()
    split: Annotated[Split, BeforeValidator(or_defaults)] = Split()
    patches: Patches
    reported: Annotated[dict[str, Real | str], BeforeValidator(or_defaults)] = Field(default_factory=dict)

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
            raise ValueError("classes: only source folder takes mask values; give a list of names")
        if self.task == "segmentation" and len(self.classes or ()) > 2 and not values:
            raise ValueError(
                "classes: with more than two, give the mask values of each, such as {background: 0, nucleus: [1, 2], border: 3}"
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
            raise ValueError(f"{' and '.join(given)} each say what the values of a mask mean; keep one of them")
        return self

    @model_validator(mode="after")
    def _patches_suit_the_task(self):
        resize, size, stride = self.patches.resize, self.patches.size, self.patches.stride
        if self.task == "classification":
            if not isinstance(resize, tuple) or size or stride or self.patches.foreground or self.patches.context:
                raise ValueError(
                    "classification needs rows and columns in patches.resize, and nothing else: it takes whole images, one by one"
                )
        elif size is None or stride is None:
            raise ValueError("segmentation needs patches.size and patches.stride")
        elif any(step > side for step, side in zip(stride, size, strict=True)):
            raise ValueError(f"patches.stride must be at most patches.size {list(size)}, not {list(stride)}")
        return self
