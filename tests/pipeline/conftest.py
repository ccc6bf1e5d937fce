"""The small project, run once for all tests of this folder, whatever process they are in."""

import shutil

import filelock
import pytest

from tests.pipeline.project import SMALL, Project


@pytest.fixture(scope="session")
def project(tmp_path_factory, worker_id):
    """The project after one whole run with the settings of `SMALL`; a copy of its own for each process."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with filelock.FileLock(shared / "project.lock"):
        if not (shared / "made").exists():
            made = Project.copy(shared / "making")
            made.dvc("exp", "run", *(argument for setting in SMALL for argument in ("-S", setting)))
            made.commit("small")
            made.root.rename(shared / "made")
    shutil.copytree(shared / "made", own / "project")
    project = Project(own / "project")
    yield project
    project.end_workers()
