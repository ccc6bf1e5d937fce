"""Split, cut and augment one dataset: ``python -m pipeline.stages.patchify mitochondria``."""

import sys

from pipeline import params, paths
from pipeline.errors import plain_errors
from pipeline.images.pack import pack
from pipeline.images.packed import load_packed
from pipeline.reporting.figures import patches as preview


def main(dataset):
    settings = params.load()
    counts = pack(paths.raw(dataset), paths.patches(dataset), settings.dataset(dataset), settings.augment, settings.seed)
    packed = load_packed(paths.patches(dataset), "train")
    paths.preview(dataset).parent.mkdir(parents=True, exist_ok=True)
    paths.preview(dataset).write_bytes(preview(packed.images, packed.targets))
    print(f"{paths.patches(dataset)}: " + ", ".join(f"{count} {split}" for split, count in counts.items()) + " patches")


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1])
