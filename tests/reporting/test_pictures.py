import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline import params, paths
from pipeline.evaluation import gallery
from pipeline.reporting import pictures
from pipeline.reporting.read import read_results
from pipeline.tasks import part


@pytest.fixture
def shown(workspace):
    """Data set, table of images and captions, by the data set's name."""
    datasets, _ = read_results(params.load(), lambda task: part(task, "tables"))
    return {d.name: (d, d.task.images(d)[0], d.task.captions(d)) for d in datasets}


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_every_image_is_there_once_with_its_layers(shown):
    found = pictures.gallery(*shown["blood-vessels"])
    assert [picture["id"] for picture in found] == [f"blood-vessels-000{n}" for n in range(5)]
    first = found[0]
    assert (first["name"], first["width"], first["height"]) == ("007", 64, 48)
    assert first["caption"] == "Toy-Net: Dice 80.0; Wide U-Net: Dice 90.0; Deep: Dice 85.0"
    views = ["mask", *(f"{kind}-{n}" for n in range(3) for kind in ("prediction", "errors"))]
    assert [layer["view"] for layer in first["layers"]] == views
    assert [view for view, _ in pictures.views(found)] == ["image", *views]


def test_errors_lie_over_the_image(shown):
    mask, prediction = np.zeros((2, 8, 12), bool)
    mask[:4], prediction[2:6] = True, True
    gallery.write_answer(paths.details("nuclei", "toy") / "gallery", 0, mask, prediction, 2)
    layers = [decoded(layer["source"]) for layer in pictures.gallery(*shown["nuclei"])[0]["layers"]]
    np.testing.assert_array_equal(np.asarray(layers[0].convert("L")), 255 * mask)
    np.testing.assert_array_equal(np.asarray(layers[1].convert("L")), 255 * prediction)
    colours = np.asarray(layers[2].convert("RGBA"))
    np.testing.assert_array_equal(colours[..., 3], 166 * (mask | prediction))
    assert tuple(colours[5, 0, :3]) == (0xE6, 0x9F, 0x00)  # a false positive


def test_an_image_may_have_pictures_of_some_networks_only(shown):
    found = pictures.gallery(*shown["cells"])
    layers = [[layer["view"] for layer in picture["layers"]] for picture in found]
    assert layers == [["gradcam-0", "gradcam-1"], ["gradcam-0", "gradcam-1"], ["gradcam-1"]]
    assert pictures.views(found) == [
        ("image", "image"),
        ("gradcam-0", "Grad-CAM, Small"),
        ("gradcam-1", "Grad-CAM, Large"),
    ]
    assert found[1]["caption"] == "actual class: tumour; Small: predicted NA (76.5 %); Large: predicted NA (76.5 %)"


def test_the_strip_shows_what_every_network_made_of_a_typical_image(shown):
    titles = [tile["title"] for tile in pictures.strip(*shown["blood-vessels"])]
    assert titles == ["image", "mask", "Toy-Net", "Wide U-Net", "Deep"]
    assert pictures.strip(*shown["blood-vessels"])[0]["text"] == "section 03"  # the median of five
    titles = [tile["title"] for tile in pictures.strip(*shown["nuclei"])]
    assert titles == ["image", "mask", "Toy-Net"] * 2  # there is room for two images
    assert [tile["title"] for tile in pictures.strip(*shown["cells"])] == ["image", "Grad-CAM, Small", "Grad-CAM, Large"]


def test_the_strip_shows_wide_images_small_and_whole(shown):
    """The image was once made small in place, and its errors no longer fitted it."""
    dataset, frame, captions = shown["nuclei"]
    mask, folder = np.zeros((384, 1024), bool), paths.details("nuclei", "toy") / "gallery"
    mask[:, 768:] = True
    for number in range(5):
        gallery.write_image(folder, number, np.full((384, 1024, 3), 100, np.uint8))
        gallery.write_answer(folder, number, mask, np.zeros_like(mask), 2)
    image, mask, errors = (
        np.asarray(decoded(tile["source"]).convert("RGB"), int) for tile in pictures.strip(dataset, frame, captions)[:3]
    )
    assert image.shape == mask.shape == errors.shape == (135, 360, 3)
    assert (mask[:, 280:] > 250).all() and (mask[:, :260] < 5).all()
    assert np.ptp(errors[:, :260]) < 10 and np.abs(errors[:, 280:] - errors[0, 0]).max(axis=-1).min() > 30


def test_images_of_like_names_have_panels_of_their_own():
    assert paths.of_image("a_b-1.c") == "a_b-1.c"
    assert len({paths.of_image(name) for name in ("a b", "a_b", "a/b")}) == 3 and "/" not in paths.of_image("a/b")


def test_panels_are_those_of_the_network_in_the_order_of_the_images(shown):
    dataset, frame, _ = shown["blood-vessels"]
    for name in ("deep-unknown", "deeper-007"):  # of another network, whose name begins alike
        Image.new("L", (4, 4)).save(paths.panels("blood-vessels") / f"{name}.png")
    deep = next(network for network in dataset.networks if network.name == "deep")
    found = pictures.panels(dataset, deep, frame)
    assert [panel["caption"] for panel in found] == ["section 03", "section 03, attention", "007", "unknown"]
    assert [panel["id"] for panel in found] == ["blood-vessels-0002", "", "blood-vessels-0000", ""]
    dataset, frame, _ = shown["cells"]
    captions = [panel["caption"] for panel in pictures.panels(dataset, dataset.networks[0], frame)]
    assert captions == ["Grad-CAM of the worst, the median and the best images", "The most confident mistakes"]
