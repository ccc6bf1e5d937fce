"""The command line of a stage: the names that it takes, checked before any work is done."""

import gc
import sys

from pipeline.errors import UserError, plain_errors

DATASETS = ("mitochondria", "polyps", "tissue")
SEGMENTED = ("mitochondria", "polyps")
NETWORKS = ("unet", "attn_resunet", "vgg16")


def run(main, **known):
    """Call `main` with the arguments of the command line; a mistake is told in plain lines.

    Parameters
    ----------
    main : callable
        Of as many positional arguments as `known` has.
    **known : tuple of str
        What each argument may be, by its name.
    """
    with plain_errors():
        received = sys.argv[1:]
        if len(received) != len(known):
            raise UserError(f"expected {' and '.join(known) or 'no argument'}, received {' '.join(received) or 'nothing'}")
        for (name, allowed), value in zip(known.items(), received, strict=True):
            if value not in allowed:
                raise UserError(f"expected a {name} of {', '.join(allowed)}, received {value!r}")
        main(*received)
    gc.freeze()  # the process ends: what it holds need not be looked through for garbage
