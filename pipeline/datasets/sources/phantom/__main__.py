"""Draw the pictures of the phantoms: ``python -m pipeline.datasets.sources.phantom docs``."""

import sys

from pipeline.datasets.sources.phantom import sheet
from pipeline.errors import UserError, plain_errors


def main(arguments):
    if len(arguments) != 1:
        raise UserError(f"expected one folder, received {len(arguments)} arguments")
    for path in sheet.draw(arguments[0]):
        print(path)


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1:])
