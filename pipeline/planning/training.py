"""What to train a planned data set with: from random weights, or with an encoder pretrained on ImageNet."""

from typing import NamedTuple

from pipeline.errors import counted

COPIED = 0.2  # share of images with a near-duplicate from which a folder is one of augmented copies
FEW, MANY = 1000, 3000  # training patches: up to the first the grid may overlap, above the second nothing is copied
UNEVEN = 3  # times as many images in the commonest class as in the rarest
EPOCHS = 5, 60  # at least and at most
ENCODER = "efficientnet_lite0"


class Start(NamedTuple):
    """What training begins with, and how much of an image it can afford to see on two cores."""

    pretrained: bool
    frame: int  # pixels of the longer side of a whole frame
    tile: int  # pixels of the shorter side of an image that is classified
    steps: dict  # of training, by task; the recipes of docs/recipes.md take about as many


RANDOM = Start(False, frame=128, tile=64, steps={"segmentation": 3000, "classification": 2300})
PRETRAINED = Start(True, frame=256, tile=168, steps={"segmentation": 1000, "classification": 1000})


def copied(like):
    """Whether a folder holds augmented copies: near-duplicates form small groups, and no chain of most images."""
    return like.copies >= COPIED and like.chained <= 0.5


def copies(seen, start, count, whole):
    """How many copies are packed of each of `count` patches, and why; `whole`: each patch is a frame."""
    if start.pretrained:
        return 0, "each epoch draws a fresh augmented copy of each patch"
    if copied(seen.likeness) and seen.masks is None:
        return 0, "many images are copies of each other already"
    if count > MANY:
        return 0, f"{count} patches are enough; each batch is flipped and turned"
    return (1, "of each frame") if whole else (3 if count <= FEW else 1, f"of each of {count} patches")


def training(seen, start, network, settings, patches, side):
    """Keys of ``params.yaml`` outside the block to (value, reason).

    `network` has its `settings` in ``params.yaml``; an epoch has so many `patches`, whose shorter `side` has so many pixels.
    """
    batch, found = _from_pretrained(seen, network) if start.pretrained else _from_random(network, settings, patches, side)
    epochs = min(max(round(start.steps[seen.task] * batch / patches), EPOCHS[0]), EPOCHS[1])
    found |= {"train.batch_size": (batch, "patches"), "train.epochs": (epochs, f"of {counted(-(-patches // batch), 'step')}")}
    scales = [key for key in ("lr_scale", "batch_scale", "epochs_scale") if float(settings.get(key, 1)) != 1]
    found |= {f"{network}.{key}": (1, "keeps the value in train") for key in scales}
    if seen.classes and max(seen.classes.values()) > UNEVEN * min(seen.classes.values()):
        reason = "the most common class has several times as many images as the rarest"
        found["classification.class_weights"] = "balanced", reason
    return found


def _from_random(network, settings, patches, side):
    found = {"train.lr": (0.001, "half the default, which suits the phantoms: real images vary more")}
    if settings.get("normalization") == "none":
        found[f"{network}.normalization"] = "batch", "without it, networks with random weights hardly learn real images"
    depth = next(poolings for poolings in range(4, 0, -1) if side >= 4 * 2**poolings)
    if settings.get("depth", 0) > depth:
        found[f"{network}.depth"] = depth, "as many poolings as patches of this size allow"
    return 8 if patches >= 200 else 4, found


def _from_pretrained(seen, network):
    segmentation = seen.task == "segmentation"
    found = {
        f"{network}.encoder": (ENCODER, "made for CPUs"),
        f"{network}.encoder_weights": ("imagenet", "18.8 MB, downloaded with pip"),
        "augment.when": ("epoch", "fresh augmentation in each epoch"),
        "augment.scale": (0.4 if segmentation else 0.2, "distance and magnification differ"),
        "augment.gamma": (0.3 if segmentation else 0.2, "lighting and detectors differ"),
        "augment.contrast": (0.3 if segmentation else 0.2, "as above"),
        "augment.brightness": (0.2 if segmentation and seen.colour else 0.1, "as above"),
        "train.optimizer": ("adamw", "shrinks unneeded weights"),
        "train.average": (0.99, "the mean of the last steps is steadier than the last one"),
        "train.lr": (0.001 if segmentation else 0.0005, "for the new layers"),
    }
    if seen.colour:
        found["augment.colour"] = 0.1, "stains and lighting differ"
        found["augment.cutout"] = 0.2, "makes the network use the surroundings"
    if segmentation:
        found[f"{network}.encoder_lr_scale"] = 0.5, "keeps its weights closer to the pretrained ones"
        found["inference.flips"] = True, "averages over flips and turns: slower, and slightly better"
    else:
        found["train.monitor"] = "metric", "accuracy decides which epoch to keep"
        found["classification.label_smoothing"] = 0.1, "against overconfidence"
    return 8 if segmentation else 16, found
