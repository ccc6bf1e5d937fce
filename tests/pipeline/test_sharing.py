"""Data, models and experiments reach another clone, with an empty cache, over S3 and a bare git remote."""

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

    def clone(name, source):
        project.run("git", "clone", "-q", str(source), str(tmp_path / name))
        clone = Project(tmp_path / name)
        clone.sign()
        return clone

    return clone


def add_remote(project, settings):
    """Tell DVC of a remote in this clone alone, as `dvc remote add --local` does: keys are not committed."""
    lines = ["[core]", "remote = shared", "['remote \"shared\"']", *(f"{key} = {value}" for key, value in settings.items())]
    (project.root / ".dvc/config.local").write_text("\n".join(lines))


def test_a_clone_pulls_from_s3_has_nothing_to_run_and_shares_an_experiment(project, clone, s3, tmp_path):
    bare = tmp_path / "bare.git"
    project.run("git", "clone", "-q", "--bare", str(project.root), str(bare))
    mine, other = clone("mine", bare), clone("other", bare)
    for one in (project, mine, other):
        add_remote(one, s3)
    project.dvc("push")
    assert not (mine.root / "models/polyps/unet.keras").exists()
    mine.dvc("pull")
    assert "Running stage" not in mine.dvc("repro").stdout
    assert mine.run("git", "status", "--porcelain").stdout == ""
    for file in ("models/polyps/unet.keras", "reports/index.html", "data/patches/tissue/train/images.npy"):
        assert (mine.root / file).read_bytes() == (project.root / file).read_bytes()

    mine.dvc("exp", "run", "--name", "faster", "--set-param", "train.lr=5e-3", "train-unet@polyps")
    mine.dvc("exp", "push", "origin", "faster")
    other.dvc("exp", "pull", "origin", "faster")
    other.dvc("exp", "apply", "faster")
    file = "models/polyps/unet.keras"
    assert (other.root / file).read_bytes() == (mine.root / file).read_bytes() != (project.root / file).read_bytes()
    assert "Running stage" not in other.dvc("repro", "train-unet@polyps").stdout
