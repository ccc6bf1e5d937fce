"""The small project, run once for all tests of this folder, whatever process they are in."""

import shutil

import filelock
import pytest

from tests.pipeline.project import SMALL, Project

# The phantoms have as many patients and slides as by default, but fewer images of each.
FEWER = {"polyps": ("integers(10, 13, PATIENTS)", "integers(3, 5, PATIENTS)"), "tissue": ("TILES = 8", "TILES = 2")}


@pytest.fixture(scope="session")
def project(tmp_path_factory, worker_id):
    """The project after one whole run with the settings of `SMALL`; a copy of its own for each process."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    with filelock.FileLock(shared / "project.lock"):
        if not (shared / "made").exists():
            made = Project.copy(shared / "making")
            for name, (many, few) in FEWER.items():
                file = made.root / f"pipeline/datasets/sources/phantom/{name}.py"
                assert file.read_text().count(many) == 1
                file.write_text(file.read_text().replace(many, few))
            made.dvc("exp", "run", *(argument for setting in SMALL for argument in ("-S", setting)))
            made.commit("small")
            made.root.rename(shared / "made")
    shutil.copytree(shared / "made", own / "project")
    project = Project(own / "project")
    yield project
    project.end_workers()
