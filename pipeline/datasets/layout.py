"""The standard layout that every source writes and everything downstream reads.

::

    data/raw/<dataset>/
        dataset.json    task, classes, pixel size, licence, citation, checksums
        images.csv      one row per image, in the source's order: name, image, mask, instances, label, group, split,
                        volume
        images/         PNG or JPEG where it holds the numbers, else TIFF; all of one type and number of channels
        masks/          PNG of the same height and width as the image (segmentation only): 1 bit for two classes; 8-bit class
                        numbers, with 255 for pixels that neither train nor score, for more classes or if such pixels are stated
        instances/      32-bit TIFF, each object its number, 0 for the background (where the source tells objects apart)
"""

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter

from pipeline.atomic import whole, write_json
from pipeline.errors import UserError
from pipeline.images.io import write_image, write_instances, write_png

PREDICTION_COLUMNS = {"image", "page", "predicted", "disagreement"}  # of predictions.csv, which also has one for each class


@dataclass(frozen=True)
class DatasetInfo:
    """The contents of ``dataset.json``."""

    name: str
    source: str  # as in params.yaml
    task: str  # "segmentation" or "classification"
    classes: tuple  # in the order of their numbers; segmentation: the background first
    channels: int
    pixel_size_nm: tuple | None = None  # height and width in nanometres; None: unknown
    depth_nm: float | None = None  # distance of neighbouring images of a volume in nanometres; None: unknown, or no volume
    colour: bool = False  # the channels are red, green and blue
    instances: bool = False  # whether the source tells objects apart
    grouped: bool = False  # True if the source or the user states the groups; False: each image, or each stack, by itself
    phantom: bool = False  # True for generated images: reports mark every number measured on them
    licence: str = ""
    citation: str = ""
    url: str | None = None
    sha256: dict | None = None  # checksum of each downloaded file by its name

    @property
    def voxel_size_nm(self):
        """Distance of neighbouring images, height and width of a pixel in nanometres; None if the images are no volume."""
        return (self.depth_nm, *self.pixel_size_nm) if self.depth_nm and self.pixel_size_nm else None


class DatasetWriter:
    """Write a data set whole or not at all: if the ``with`` block raises, `folder` stays as it was."""

    def __init__(self, folder):
        self._rows = {}
        self._whole = whole(folder)

    def __enter__(self):
        self._folder = self._whole.__enter__()
        (self._folder / "images").mkdir(parents=True)
        return self

    def __exit__(self, *error):
        return self._whole.__exit__(*error)

    def add(self, name, image, mask=None, label="", group=None, split="", instances=None, volume=""):
        """Add one image.

        `name` is unique and becomes the stem of the file. `image` is an array (H, W, C), written without loss, or the path of a
        PNG or JPEG, copied byte for byte. `mask` is an array (H, W), bool, or uint8 class numbers with 255 where ignored,
        `label` the name of the class, `group` the independent unit that the image belongs to (patient, sequence, photograph;
        default: itself), `split` "train", "val" or "test" where the source itself states one, `instances` the numbers of
        the objects (H, W), uint32, and `volume` names what its neighbours in depth are part of, if that is less than its group.
        """
        if name in self._rows:
            raise UserError(f"{name}: two images have this name; rename one of them")
        row = {"name": name, "image": "", "mask": "", "instances": ""}
        row |= {"label": label, "group": group or name, "split": split, "volume": volume}
        if isinstance(image, (str, Path)):
            row["image"] = f"images/{name}{Path(image).suffix.lower()}"
            shutil.copyfile(image, self._folder / row["image"])
        else:
            row["image"] = f"images/{write_image(self._folder / 'images' / name, image).name}"
        if mask is not None:
            row["mask"] = f"masks/{name}.png"
            (self._folder / "masks").mkdir(exist_ok=True)
            write_png(self._folder / row["mask"], mask)
        if instances is not None:
            row["instances"] = f"instances/{name}.tif"
            (self._folder / "instances").mkdir(exist_ok=True)
            write_instances(self._folder / row["instances"], instances)
        self._rows[name] = row

    def finish(self, info, classes=None):
        """Write ``images.csv`` and ``dataset.json``; `classes` are other names for ``info.classes``, in the same order."""
        if not self._rows:
            raise UserError(f"data set {info.name}: the source {info.source} has no images")
        table = pd.DataFrame(self._rows.values())
        if info.task == "classification" and (taken := sorted(PREDICTION_COLUMNS & {*(classes or info.classes)})):
            why = "the name of a column in predictions.csv"
            raise UserError(f"data set {info.name}: no class can be called {taken[0]}, {why}; rename it")
        if classes is not None:
            if not len(set(classes)) == len(classes) == len(info.classes):
                raise UserError(
                    f"datasets.{info.name}.classes: expected {len(info.classes)} different names (the source has "
                    f"{', '.join(info.classes)}), received {', '.join(classes)}"
                )
            renamed = dict(zip(info.classes, classes, strict=True))
            table["label"] = [renamed.get(label, label) for label in table["label"]]
            info = replace(info, classes=tuple(classes))
        table.to_csv(self._folder / "images.csv", index=False)
        write_json(self._folder / "dataset.json", asdict(info))


def read_info(folder):
    """Read ``dataset.json`` of a folder as `DatasetInfo`."""
    return TypeAdapter(DatasetInfo).validate_json(Path(folder, "dataset.json").read_bytes())


def read_table(path):
    """Read ``images.csv`` or ``split.csv`` with every cell as text; missing cells are empty."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)
