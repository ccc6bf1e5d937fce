"""What every network's section in ``params.yaml`` has."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.errors import UserError
from pipeline.images.sections import context_of
from pipeline.params.fields import Count, Fraction, Natural, Positive, Section

NONE = "none"  # no encoder: the network's own first half
POOLINGS = 5  # of every encoder


def encoder_names():
    """Names of all encoders: the modules of ``pipeline/networks/common/encoders``."""
    return sorted(file.stem for file in Path(__file__).with_name("encoders").glob("[!_]*.py"))


class NetworkSettings(Section):
    """Factors on the `train` section; a network's own settings inherit from this class."""

    lr_scale: Positive = 1.0
    epochs_scale: Positive = 1.0
    batch_scale: Positive = 1.0

    def training(self, train):
        """Scale the `train` section (pipeline.params.Train). Raises a UserError if the warm-up is longer than the training."""
        epochs, batch = self.epochs_scale * train.epochs, self.batch_scale * train.batch_size
        scaled = {"lr": self.lr_scale * train.lr, "epochs": max(1, round(epochs)), "batch_size": max(1, round(batch))}
        warms_up = train.schedule != "one_cycle" and not train.minutes
        if warms_up and train.warmup > scaled["epochs"]:
            raise UserError(f"train.warmup: {train.warmup:g} epochs, but training has only {scaled['epochs']}; lower the warm-up")
        return train.model_copy(update=scaled)

    def seen(self, card, key):
        """Return the entry ``context`` of the model's card, if the network sees fewer sections than the patches have.

        `card` is that of the patches. Raises a UserError that names the setting, `key`, if the patches have fewer sections.
        """
        packed, wanted = context_of(card), getattr(self, "context", None)
        if wanted is not None and wanted > packed:
            raise UserError(f"{key}: expected at most {packed}, the patches.context of the data set, received {wanted}")
        return {} if wanted in (None, packed) else {"context": wanted}


class ContextSettings(NetworkSettings):
    """Settings of a network that may see fewer sections than the patches have."""

    context: Natural | None = None  # neighbouring sections on each side; None: all that patches.context of the data set gives


def one_of(name, *others):
    """Check the name of an encoder; `others` are allowed beside the encoders."""
    known = [*others, *encoder_names()]
    if name not in known:
        raise ValueError(f"expected {', '.join(known)}, received {name!r}")
    return name


class EncoderSettings(NetworkSettings):
    """Settings of a network whose first half may be one of the encoders; see `pipeline.networks.common.encoders.encode`."""

    encoder: Annotated[str, AfterValidator(lambda name: one_of(name, NONE))] = NONE
    encoder_weights: str | None = None
    encoder_frozen: Annotated[int, Field(ge=0, le=5)] = 0
    encoder_lr_scale: Positive = 1.0

    @model_validator(mode="after")
    def _weights_have_an_encoder(self):
        if self.encoder_weights is not None and self.encoder == NONE:
            raise ValueError(
                f"encoder_weights: {self.encoder_weights} needs an encoder; the encoders are {', '.join(encoder_names())}"
            )
        return self


class UNetSettings(ContextSettings):
    """What the variants of U-Net share. The defaults are those of `unet` in ``params.yaml``, for the same reasons."""

    filters: Count = 16  # of the first level, doubled at each; the papers' 32 or 64 need a GPU
    depth: Annotated[int, Field(ge=1, le=7)] = 4  # number of poolings, as in the papers
    dropout: Fraction = 0.1  # rate before the deepest convolutions; small data sets overfit there first
    normalization: Literal["batch", "none"] = "batch"  # without it, training is slow and fragile
