"""Data, models and experiments reach another clone, with an empty cache, over S3, a shared folder and a bare git remote."""

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.pipeline.project import Project

BUCKET = "shared-models"


@pytest.fixture(scope="module")
def s3():
    """A real S3 API on loopback; the settings of DVC's remote."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"access_key_id": "test", "secret_access_key": "test"}
    boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", **{f"aws_{key}": value for key, value in keys.items()}
    ).create_bucket(Bucket=BUCKET)
    yield {"url": f"s3://{BUCKET}/dvc", "endpointurl": url, "region": "us-east-1"} | keys
    server.stop()


@pytest.fixture
def clone(project, tmp_path):
    """Make a clone with an empty cache."""

    def clone(name, source=project.root):
        project.run("git", "clone", "-q", str(source), str(tmp_path / name))
        clone = Project(tmp_path / name)
        clone.run("git", "config", "user.name", "test")
        clone.run("git", "config", "user.email", "test@localhost")
        return clone

    return clone


def add_remote(project, settings):
    """Tell DVC of a remote in this clone alone, as `dvc remote add --local` does: keys are not committed."""
    lines = ["[core]", "remote = shared", "['remote \"shared\"']", *(f"{key} = {value}" for key, value in settings.items())]
    (project.root / ".dvc/config.local").write_text("\n".join(lines))


def has_nothing_to_run(clone, project):
    """Whether a clone that pulled has the files of the project, and no stage to run."""
    output = clone.dvc("repro").stdout
    assert "Running stage" not in output
    assert clone.run("git", "status", "--porcelain").stdout == ""
    for file in ("models/polyps/unet.keras", "reports/index.html", "data/patches/tissue/train/images.npy"):
        assert (clone.root / file).read_bytes() == (project.root / file).read_bytes()


def test_a_clone_pulls_from_s3_and_has_nothing_to_run(project, clone, s3):
    add_remote(project, s3)
    project.dvc("push")
    other = clone("other")
    assert not (other.root / "models/polyps/unet.keras").exists()
    add_remote(other, s3)
    other.dvc("pull")
    has_nothing_to_run(other, project)


def test_a_folder_shares_the_outputs_and_a_bare_git_remote_an_experiment(project, clone, tmp_path):
    bare = tmp_path / "bare.git"
    project.run("git", "clone", "-q", "--bare", str(project.root), str(bare))
    settings = {"url": str(tmp_path / "remote")}
    add_remote(project, settings)
    project.dvc("push")
    mine, other = clone("mine", bare), clone("other", bare)
    for one in (mine, other):
        add_remote(one, settings)
    mine.dvc("pull")
    has_nothing_to_run(mine, project)
    mine.dvc("exp", "run", "--name", "faster", "--set-param", "train.lr=5e-3", "train-unet@polyps")
    mine.dvc("exp", "push", "origin", "faster")
    other.dvc("exp", "pull", "origin", "faster")
    other.dvc("exp", "apply", "faster")
    file = "models/polyps/unet.keras"
    assert (other.root / file).read_bytes() == (mine.root / file).read_bytes() != (project.root / file).read_bytes()
    assert "Running stage" not in other.dvc("repro", "train-unet@polyps").stdout
