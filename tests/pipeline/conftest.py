"""The small project, run once for all tests of this folder."""

import pytest

from tests.pipeline.project import SMALL, Project


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project after one whole run with the settings of `SMALL`."""
    project = Project.copy(tmp_path_factory.mktemp("project"))
    project.first = project.dvc("exp", "run", *(argument for setting in SMALL for argument in ("-S", setting)))
    project.commit("small")
    yield project
    project.end_workers()
