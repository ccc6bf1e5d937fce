"""Kill training and evaluation at random moments, run `dvc repro` again, and compare all bytes with an undisturbed run.

    python -m tests.pipeline.kill_training 50

prints a line for each kill, and how many of them ended with the same bytes. Each kill costs the stages about twice. A second
number is the seed of other moments.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.pipeline.project import SMALL, Project

STAGES = ["train-unet@polyps", "evaluate@polyps"]
LOCK_CUT = "'./dvc.lock' validation failed"
ALONE = ["unet.datasets=[polyps]", "attn_resunet.datasets=[]", "vgg16.datasets=[]"]  # one network: each kill costs less
SETTINGS = [*SMALL, *ALONE, "train.epochs=3", "train.repeats=2"]


def prepare(project):
    """Run the stages once undisturbed, and commit; return the seconds that they took."""
    text = [argument for setting in SETTINGS for argument in ("-S", setting)]
    project.dvc("exp", "run", *text, "patchify@polyps")
    start = time.monotonic()
    project.dvc("repro", *STAGES)
    seconds = time.monotonic() - start
    project.commit("undisturbed")
    return seconds


def kill_and_go_on(project, seconds, at_checkpoint=False):
    """Force the stages to run again, kill everything after some seconds, go on, and compare.

    Parameters
    ----------
    project : Project
    seconds : float
        When to kill.
    at_checkpoint : bool, default False
        Kill before that as soon as an epoch is kept.

    Returns
    -------
    interrupted : str
        What was going on: the last line that was printed.
    how : str
        How it went on: "from a checkpoint" or "from the start" of a stage; after "lock restored" if DVC itself was hit.
    same : bool
        Whether every output has the bytes of the commit.
    """
    before = project.outputs()
    log = project.root.parent / "killed.log"
    with open(log, "w") as stream:
        command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", *STAGES]
        process = subprocess.Popen(
            command, cwd=project.root, env=project.environment, stdout=stream, stderr=stream, start_new_session=True
        )
        end = time.monotonic() + seconds
        while process.poll() is None:
            if time.monotonic() > end or (at_checkpoint and list(project.root.glob(".checkpoints/[!.]*.npz"))):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.02)
    lines = log.read_text().split("\n")
    # Without DVC's run cache, which would bring the outputs back without training.
    again = ("repro", "--no-run-cache", *STAGES)
    result, how = project.dvc(*again, check=False), ""
    if LOCK_CUT in result.stderr:  # DVC writes its lock file in place: the one moment that it does not survive by itself
        project.run("git", "checkout", "dvc.lock")
        result, how = project.dvc(*again), "lock restored, "
    elif result.returncode:
        raise AssertionError(f"{result.stdout}\n{result.stderr}")
    how += "from a checkpoint" if "resuming after epoch" in result.stdout else "from the start"
    interrupted = next((line for line in reversed(lines) if line.strip()), "nothing yet")
    return interrupted, how, project.outputs() == before


def main(kills, seed=0):
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        project = Project.copy(Path(folder, "project"))
        seconds = prepare(project)
        print(f"undisturbed: {seconds:.0f} s", flush=True)
        right = 0
        for number in range(1, kills + 1):
            moment = moments.uniform(0.5, seconds)
            interrupted, how, same = kill_and_go_on(project, moment)
            right += same
            result = f"{'same' if same else 'DIFFERENT'}, {how}"
            print(f"{number:3d}  killed after {moment:5.1f} s  {result:30}  ({interrupted[:80]})", flush=True)
    print(f"{right} of {kills} identical")
    return right == kills


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:] or ["50"])) else 1)
