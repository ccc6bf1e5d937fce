"""A small copy of the project in which every stage really runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Everything as in the default, but a hundredth of the work.
SMALL = [
    "augment.copies=0",
    "train.epochs=1",
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
    """A git and DVC repository in a folder of its own."""

    def __init__(self, root):
        self.root = root
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *command, check=True):
        result = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True)
        if check and result.returncode:
            raise AssertionError(f"{' '.join(command)}\n{result.stdout}\n{result.stderr}")
        return result

    def dvc(self, *arguments, check=True):
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def experiment(self, *targets, **changes):
        settings = [argument for key, value in changes.items() for argument in ("-S", f"{key.replace('__', '.')}={value}")]
        return self.dvc("exp", "run", *settings, *targets)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project after one whole run with the settings of `SMALL`."""
    root = tmp_path_factory.mktemp("project")
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True).stdout
    for name in files.splitlines():
        if Path(name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, root / name)
    project = Project(root)
    project.run("git", "init", "-q")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@localhost")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "copy")
    project.first = project.dvc("exp", "run", *(argument for setting in SMALL for argument in ("-S", setting)))
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "small")
    return project
