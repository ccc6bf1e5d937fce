"""A small copy of the project in which every stage really runs, and what to do with it."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

# Everything as in the default, but a hundredth of the work.
SMALL = [
    "augment.copies=0",
    "train.epochs=1",
    "train.batch_size=16",
    "unet.filters=4",
    "unet.depth=2",
    "attn_resunet.filters=4",
    "attn_resunet.depth=2",
    "vgg16.dense=32",
    "datasets.mitochondria.patches.stride=[128,128]",
    "datasets.polyps.patches.resize=[48,64]",
    "datasets.polyps.patches.size=[48,64]",
    "datasets.polyps.patches.stride=[48,64]",
    "datasets.tissue.patches.resize=[32,32]",
]


class Project:
    """A git and DVC repository in a folder of its own, with the files of this checkout.

    Parameters
    ----------
    root : path-like
        An empty folder, or none yet.
    """

    def __init__(self, root):
        self.root = Path(root)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "DVC_NO_ANALYTICS": "1",
        }

    @classmethod
    def copy(cls, root):
        """Copy all files that git knows or would add, and commit them."""
        project = cls(root)
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            if Path(name).is_file():
                (project.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(name, project.root / name)
        project.run("git", "init", "-q")
        project.sign()
        project.commit("copy")
        return project

    def run(self, *command, check=True, timeout=3600):
        """Run a command in the project, its output caught in files.

        Not in pipes: the workers of `dvc queue start` inherit them, and whoever reads a pipe to its end then waits for
        workers that may never end (each is told to stop by a file, and the first that stops cleans up).
        """
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            code = subprocess.run(
                command, cwd=self.root, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=timeout
            ).returncode
            for stream in (out, err):
                stream.seek(0)
            result = subprocess.CompletedProcess(command, code, out.read(), err.read())
        if check and code:
            raise AssertionError(f"{' '.join(command)}\n{result.stdout}\n{result.stderr}")
        return result

    def dvc(self, *arguments, check=True, timeout=3600):
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check, timeout=timeout)

    def experiment(self, *targets, **changes):
        settings = [argument for key, value in changes.items() for argument in ("-S", f"{key.replace('__', '.')}={value}")]
        return self.dvc("exp", "run", *settings, *targets)

    def sign(self):
        """Say whose commits they are."""
        self.run("git", "config", "user.name", "test")
        self.run("git", "config", "user.email", "test@localhost")

    def commit(self, message):
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def restore(self):
        """Go back to the last commit, but for what git ignores."""
        # DVC can rewrite params.yaml to the same length within the second in which git last looked: git then sees no change.
        (self.root / "params.yaml").unlink()
        self.run("git", "checkout", "-q", ".")

    def outputs(self):
        """Hash of every output, by its path, from ``dvc.lock``."""
        stages = yaml.safe_load((self.root / "dvc.lock").read_text())["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}

    def end_workers(self):
        """End the queue's workers, which would wait for more to do."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if "queue-worker" in process.cmdline() and Path(process.cwd()).is_relative_to(self.root):
                    process.kill()
