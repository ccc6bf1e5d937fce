"""Train what `pipeline.plan` proposes for own images, and print the scores (docs/recipes.md#what-plan-gives):

    python -m benchmarks.planned /data/cvc-clinicdb --pretrained

Options go to `pipeline.plan`, and those behind ``--`` to `dvc exp run`, such as ``-- -S unet.encoder_weights=null``. It runs in a
clone of the last commit, which stays in a temporary folder.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.real import COLUMNS, minutes, print_table, scores
from pipeline.errors import plain_errors

NAME = "own"


def main(arguments):
    if not arguments:
        raise SystemExit(__doc__)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    (images, *options), behind = arguments[:cut], arguments[cut + 1 :]
    images, clone = Path(images).resolve(), tempfile.mkdtemp(prefix="planned-")
    subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), clone], check=True)
    os.chdir(clone)
    plan = [sys.executable, "-m", "pipeline.plan", str(images), *options, "--write", NAME]
    said = subprocess.run(plan, check=True, text=True, stdout=subprocess.PIPE).stdout
    print(said)
    (command,) = (line.removeprefix("Next: ") for line in said.splitlines() if line.startswith("Next: "))
    spent = minutes([*shlex.split(command), *behind])
    print(f"\nThe model and its scores are in {clone}.\n")
    print_table(COLUMNS, [(*row, *spent) for row in scores() if row[0] == NAME])


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1:])
