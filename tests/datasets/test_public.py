"""Each public source from a small archive of its official layout, served by a loopback server."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from pipeline.datasets.layout import DatasetWriter, read_info, read_table
from pipeline.datasets.sources import bloodmnist, epfl, kather2016, kvasir_seg, kvasir_v2, lucchi, vnc
from pipeline.errors import UserError
from pipeline.images.io import read_image, read_mask

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 6, 8), dtype=np.uint8)
RGB = RNG.integers(0, 256, (20, 6, 8, 3), dtype=np.uint8)
MASKS = RNG.random((20, 6, 8)) > 0.5


@pytest.fixture
def made(server, cache, tmp_path, monkeypatch, block):
    """Serve `content`, run `make` of a source on it, and return the folder, its table and its info."""

    def made(source, content):
        server.routes["/archive"] = [content]
        checksum = hashlib.sha256(content).hexdigest()
        remote = replace(source.ARCHIVE, url=server.url("/archive"), sha256=checksum, size=None)
        monkeypatch.setattr(source, "ARCHIVE", remote)
        with DatasetWriter(tmp_path / "raw") as writer:
            writer.finish(source.make(writer, "any", block("segmentation", "any source"), seed=0))
        info = read_info(tmp_path / "raw")
        assert (info.name, info.source, info.url) == ("any", "any source", remote.url)
        assert info.sha256 == {remote.name: checksum}
        assert info.licence and info.citation and not info.phantom and info.grouped == (source is kather2016)
        return tmp_path / "raw", read_table(tmp_path / "raw/images.csv"), info

    return made


def _assert_pixels(folder, table, images, masks=None):
    for row, image in zip(table.itertuples(), images, strict=True):
        np.testing.assert_array_equal(read_image(folder / row.image), image.reshape(*image.shape[:2], -1))
    for row, mask in zip(table.itertuples(), [] if masks is None else masks, strict=masks is not None):
        np.testing.assert_array_equal(read_mask(folder / row.mask), mask)


def _tiff(array):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, photometric="minisblack")
    return buffer.getvalue()


def test_vnc(made, zipped, encoded):
    root = "groundtruth-drosophila-vnc-master/stack1"
    files = {"groundtruth-drosophila-vnc-master/README.md": b"about"}
    for i in reversed(range(20)):
        mask = MASKS[i] if i in (1, 7, 18) else np.where(MASKS[i], 255, 100).astype(np.uint8)  # three are 1-bit
        files |= {f"{root}/raw/{i:02d}.tif": _tiff(GREY[i]), f"{root}/mitochondria/{i:02d}.png": encoded(mask)}
    folder, table, info = made(vnc, zipped(files))
    assert list(table["name"]) == [f"{i:02d}" for i in range(20)]
    assert set(table["split"]) == {""}
    assert (info.channels, info.pixel_size_nm, info.depth_nm) == (1, (4.6, 4.6), 45)
    _assert_pixels(folder, table, GREY, MASKS)


def test_lucchi(made, zipped, encoded):
    files = {}
    for n, (part, i) in enumerate((part, i) for part in ("Train", "Test") for i in (0, 2, 10)):
        rgba = np.where(MASKS[n], 255, 0).astype(np.uint8)[..., None].repeat(4, axis=-1)
        grey_as_rgba = np.dstack([GREY[n]] * 3 + [np.full_like(GREY[n], 255)])
        files[f"Lucchi++/{part}_In/mask{i:04d}.png"] = encoded(GREY[n] if i else grey_as_rgba)
        files[f"Lucchi++/{part}_Out/{i}.png"] = encoded({0: rgba[..., 0], 2: rgba, 10: MASKS[n]}[i])
    first = MASKS[1]  # white everywhere: alpha alone tells the mask
    files["Lucchi++/Train_Out/2.png"] = encoded(np.dstack([np.full((6, 8, 3), 255, np.uint8), first * np.uint8(255)]))
    folder, table, info = made(lucchi, zipped(files))
    assert list(table["name"]) == [f"{split}_{i:03d}" for split in ("train", "test") for i in (0, 2, 10)]
    assert list(table["split"]) == ["train"] * 3 + ["test"] * 3
    assert info.channels == 1
    _assert_pixels(folder, table, GREY[:6], MASKS[:6])


@pytest.fixture
def volumes(server, cache):
    def serve(sections):
        masks = (MASKS * 255).astype(np.uint8)
        for name, first in (("training", 0), ("testing", 10)):
            server.routes[f"/em/{name}.tif"] = [_tiff(GREY[first : first + 3])]
            server.routes[f"/em/{name}_groundtruth.tif"] = [_tiff(masks[first : first + sections])]
        return server.url("/em/")

    return serve


def test_epfl(volumes, cache, tmp_path, block):
    with DatasetWriter(tmp_path / "raw") as writer:
        writer.finish(epfl.make(writer, "any", block("segmentation", "epfl", url=volumes(3)), seed=0))
    table = read_table(tmp_path / "raw/images.csv")
    assert list(table["name"]) == [f"{split}_00{i}" for split in ("train", "test") for i in range(3)]
    assert list(table["split"]) == ["train"] * 3 + ["test"] * 3
    _assert_pixels(tmp_path / "raw", table, [*GREY[:3], *GREY[10:13]], [*MASKS[:3], *MASKS[10:13]])
    info = read_info(tmp_path / "raw")
    assert (info.pixel_size_nm, info.depth_nm, info.grouped) == ((5, 5), 5, False)
    assert "%20ElectronMicroscopy" in info.url and info.licence and info.citation
    for name, sha256 in info.sha256.items():
        assert (cache / f"epfl-{name}.sha256").read_text().split() == [sha256, f"epfl-{name}"]
    assert len(info.sha256) == 4


def test_epfl_with_a_missing_section_leaves_nothing(volumes, tmp_path, block):
    with pytest.raises(UserError, match="differ in number"), DatasetWriter(tmp_path / "raw") as writer:
        epfl.make(writer, "any", block("segmentation", "epfl", url=volumes(2)), seed=0)
    assert not (tmp_path / "raw").exists()
    with DatasetWriter(tmp_path / "raw") as writer:  # the wrong file is not kept
        writer.finish(epfl.make(writer, "any", block("segmentation", "epfl", url=volumes(3)), seed=0))


def test_kvasir_seg(made, zipped, encoded):
    blocks = np.zeros((16, 24), bool)
    blocks[:8, 8:16] = True  # whole JPEG blocks: exact but for rounding, then noise is laid on
    noisy = np.where(blocks, 240, 12).astype(np.uint8)
    image = encoded(RNG.integers(0, 256, (16, 24, 3), dtype=np.uint8), "JPEG")
    files = {"Kvasir-SEG/images/cju0.jpg": image, "Kvasir-SEG/masks/cju0.jpg": encoded(np.dstack([noisy] * 3), "JPEG")}
    files |= {"Kvasir-SEG/kavsir_bboxes.json": b"{}", "__MACOSX/Kvasir-SEG/._images": b"junk"}
    folder, table, info = made(kvasir_seg, zipped(files))
    assert (folder / table["image"][0]).read_bytes() == image
    np.testing.assert_array_equal(read_mask(folder / table["mask"][0]), blocks)
    assert info.classes == ("background", "polyp")


def test_kather2016(made, zipped, encoded):
    folders = [f"{i:02d}_{name.upper()}" for i, name in enumerate(kather2016.CLASSES, 1)]
    assert folders[0] == "01_TUMOR" and folders[-1] == "08_EMPTY"
    stems = ["1009F_CRC-Prim-HE-03_009.tif_Row_301_Col_151", "AA_CRC-Prim-HE-10_009b.tif_Row_1_Col_1"] * 4
    root = "Kather_texture_2016_image_tiles_5000"
    content = {f"{root}/{name}/{stem}.tif": encoded(RGB[i], "TIFF") for i, (name, stem) in enumerate(zip(folders, stems))}  # noqa: B905
    folder, table, info = made(kather2016, zipped(content))
    assert tuple(table["label"]) == info.classes == kather2016.CLASSES
    assert list(table["group"]) == ["CRC-Prim-HE-03_009", "CRC-Prim-HE-10_009"] * 4
    _assert_pixels(folder, table, RGB[:8])


def test_kather2016_with_a_missing_class(made, zipped):
    with pytest.raises(UserError, match="no folder 01_TUMOR; it holds 02_STROMA"):
        made(kather2016, zipped({"Kather_texture_2016_image_tiles_5000/02_STROMA/a.tif": b""}))


def test_kvasir_v2(made, zipped, encoded):
    images = [encoded(RGB[i], "JPEG") for i in range(8)]
    files = {f"kvasir-dataset-v2/{name}/a.jpg": image for name, image in zip(kvasir_v2.CLASSES, images, strict=True)}
    folder, table, info = made(kvasir_v2, zipped(files))
    assert tuple(table["label"]) == info.classes
    assert [(folder / image).read_bytes() for image in table["image"]] == images
    assert list(table["group"]) == list(table["name"])


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_bloodmnist(made):
    arrays = {}
    for split, first, last in (("train", 0, 8), ("val", 8, 11), ("test", 11, 15)):
        arrays[f"{split}_images"] = RGB[first:last]
        arrays[f"{split}_labels"] = (np.arange(first, last) % 8)[:, None].astype(np.uint8)
    folder, table, info = made(bloodmnist, _npz(**arrays))
    assert list(table["split"]) == ["train"] * 8 + ["val"] * 3 + ["test"] * 4
    assert list(table["label"]) == [info.classes[i % 8] for i in range(15)]
    _assert_pixels(folder, table, RGB[:15])
