"""The types of values in ``params.yaml``, and what all its blocks have in common."""

import math
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator


def number(value):
    """Read text such as ``1e-5`` as a number: YAML 1.1 requires a dot and a sign (``1.0e-5``), people and DVC do not."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value):
        return float(value)
    return value


def finite(values):
    """Read a list of numbers; an empty list if it is none, or one of them is no finite number."""
    found = [number(value) for value in values] if isinstance(values, list | tuple) else []
    return found if all(isinstance(value, int | float) and abs(value) < math.inf for value in found) else []


LARGE = 2**63  # masks are read as signed 64-bit integers
MOST_CLASSES = 255  # 8-bit class numbers; 255 itself means ignored


def list_of(what, least, most=math.inf):
    """Make a validator for lists of `least` to `most` values; its message says `what` was expected."""

    def check(value):
        if not (isinstance(value, list | tuple) and least <= len(value) <= most):
            raise ValueError(f"expected {what}, received {value!r}")
        return value

    return BeforeValidator(check)


Real = Annotated[float, BeforeValidator(number)]
Positive = Annotated[Real, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Real, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[Real, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
TWO = list_of("two numbers, rows and columns, such as [128, 128]", 2, 2)
Pair = Annotated[tuple[Count, Count], Field(strict=False), TWO]
NaturalPair = Annotated[tuple[Natural, Natural], Field(strict=False), TWO]
Label = Annotated[int, Field(ge=1, lt=LARGE)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w-]*$")]
RESERVED = ("plots", "results", "transfers")  # folders of reports/ that belong to all data sets


def _class_weights(value):
    if value in ("none", "balanced"):
        return value
    numbers = finite(value)
    if len(numbers) < 2 or min(numbers) < 0 or sum(numbers) == 0:
        raise ValueError(f"expected none, balanced or a number for each class, such as [1, 5], received {value!r}")
    return tuple(numbers)


ClassWeights = Annotated[str | tuple[float, ...], PlainValidator(_class_weights)]


class Section(BaseModel):
    """A block of ``params.yaml``: unknown keys are errors, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def or_defaults(value):
    return {} if value is None else value  # a section without any key is null in YAML
