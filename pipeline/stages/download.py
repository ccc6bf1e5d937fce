"""Make the raw images of one dataset: ``python -m pipeline.stages.download mitochondria``."""

import sys

from pipeline import params, paths, sources
from pipeline.errors import UserError, plain_errors


def main(arguments):
    if len(arguments) != 1:
        raise UserError(f"expected one dataset's name, received {len(arguments)} arguments")
    settings = params.load()
    (dataset,) = arguments
    count = sources.download(dataset, settings)
    print(f"{paths.raw(dataset)}: {count} images from {settings.dataset(dataset).source}")


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1:])
