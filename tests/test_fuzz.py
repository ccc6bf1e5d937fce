"""Damaged and odd input of every kind: it is taken, or refused in plain lines; what was made before stays as it is.

2,500 inputs a run, drawn from a fixed seed; `FUZZ=10` draws ten times as many others.
"""

import copy
import hashlib
import io
import json
import os
import shutil
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from pipeline import params
from pipeline.datasets.download import download
from pipeline.errors import UserError
from pipeline.images.io import read_mask
from pipeline.images.masks import MaskRule
from pipeline.images.stack import read_pages

FACTOR = int(os.environ.get("FUZZ", "1"))
SHIPPED = Path("params.yaml").read_bytes()


def draws(count):
    return [np.random.default_rng([2026, FACTOR, number]) for number in range(count * FACTOR)]


def damaged(content, rng):
    """Change some bytes: cut, flip bits, insert, remove, repeat, overwrite, or nothing at all."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        kind, at = rng.integers(0, 8), int(rng.integers(0, max(1, len(content))))
        length = int(rng.integers(1, 40))
        if kind == 0:
            del content[at:]
        elif kind == 1 and content:
            content[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            content[at:at] = rng.bytes(length)
        elif kind == 3:
            del content[at : at + length]
        elif kind == 4:
            content[at : at + length] = bytes(length)
        elif kind == 5:
            content[at : at + 4] = b"\xff\xff\xff\x7f"
        elif kind == 6 and len(content) > 8:
            content[8 + at % min(40, len(content) - 8)] ^= 0xFF  # in the header
    return bytes(content)


@cache
def pictures():
    """Files of all kinds that people keep images in, the odd ones too: a list of (suffix, bytes)."""
    return list(_pictures(np.random.default_rng(2026)))


def _pictures(rng):
    grey = rng.integers(0, 256, (12, 17), np.uint8)
    rgb, deep = rng.integers(0, 256, (12, 17, 3), np.uint8), rng.integers(0, 65536, (12, 17)).astype(np.uint16)
    alpha = rng.integers(0, 256, (12, 17, 4), np.uint8)
    real = rng.random((12, 17)).astype(np.float32)
    real[3, 4] = np.nan
    by_pillow = [(Image.fromarray(grey), "PNG", ".png"), (Image.fromarray(rgb), "PNG", ".png")]
    by_pillow += [(Image.fromarray(deep), "PNG", ".png"), (Image.fromarray(alpha), "PNG", ".png")]
    by_pillow += [(Image.fromarray(rgb).quantize(7), "PNG", ".png"), (Image.fromarray(grey > 99), "PNG", ".png")]
    by_pillow += [(Image.fromarray(rgb), "JPEG", ".jpg"), (Image.fromarray(alpha, "CMYK"), "JPEG", ".jpg")]
    by_pillow += [
        (Image.fromarray(rgb), "BMP", ".png"),
        (Image.fromarray(grey), "GIF", ".png"),
        (Image.fromarray(rgb), "PNG", ".tif"),
    ]
    for image, form, suffix in by_pillow:
        buffer = io.BytesIO()
        image.save(buffer, form)
        yield suffix, buffer.getvalue()
    several = np.stack([grey, deep, grey])
    for array, options in [
        (several, {"photometric": "minisblack", "metadata": {"axes": "CYX"}}),
        (several, {"photometric": "minisblack", "metadata": {"axes": "TZC"}}),
        (several, {"photometric": "minisblack", "imagej": True, "metadata": {"axes": "TYX"}, "resolution": (9, 9)}),
        (several, {"photometric": "minisblack", "ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.1}}),
        (np.stack([several, several]), {"photometric": "minisblack", "metadata": {"axes": "ZCYX"}}),
        (np.dstack([grey] * 5), {"photometric": "minisblack", "planarconfig": "contig"}),
        (alpha, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        (rgb, {"photometric": "ycbcr"}),
        (rgb, {"photometric": "rgb", "extratags": [(274, "H", 1, 6, True)]}),
        (grey, {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}),
        (deep.astype(np.int32), {}),
        (real.astype(np.float16), {}),
        (np.nan_to_num(real).astype(np.float64), {"compression": "zlib"}),
        (grey, {}),
        (deep, {"compression": "zlib"}),
        (real, {}),
        (np.stack([grey, grey]), {"photometric": "minisblack"}),
        (rgb, {"compression": "lzw", "photometric": "rgb"}),
        (np.zeros((12, 17), np.int64), {}),
        (grey > 99, {}),
    ]:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, **options)
        yield ".tif", buffer.getvalue()
    yield ".png", b""
    yield ".tif", rng.bytes(200)


def mask_file(rng):
    """A label image of any type, with a palette or with classes: (suffix, bytes), damaged or not."""
    labels = rng.integers(0, rng.choice([2, 3, 4, 300]), (12, 17))
    kind = rng.choice(["bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", ">u2", "f2", "f4", "f8", "c8"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = labels.astype(kind)
    if rng.random() < 0.1:
        labels = labels - labels.dtype.type(1) if labels.dtype != bool else ~labels
    buffer, pages = io.BytesIO(), rng.random() < 0.1
    if rng.random() < 0.6:
        options = {"photometric": rng.choice(["minisblack", "minisblack", "minisblack", "miniswhite"])}
        tifffile.imwrite(buffer, np.stack([labels] * 2) if pages else labels, **options)
        suffix = ".tif"
    else:
        image = Image.fromarray(labels.real.astype(np.uint8)).convert(rng.choice(["P", "L", "RGB", "RGBA", "1"]))
        image.save(buffer, rng.choice(["PNG", "GIF", "BMP"]))
        suffix = ".png"
    return suffix, damaged(buffer.getvalue(), rng) if rng.random() < 0.3 else buffer.getvalue()


def picture(rng):
    kinds = pictures()
    suffix, content = kinds[rng.integers(0, len(kinds))]
    return suffix, damaged(content, rng) if rng.random() < 0.8 else content


def tried(function, *arguments):
    """Call; a `UserError` must say something, any other exception is the finding of this test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*arguments)
        except UserError as error:
            assert str(error).strip()
            return str(error)
    return None


def hashes(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in Path(folder).rglob("*") if p.is_file()}


def test_params(tmp_path):
    file = tmp_path / "params.yaml"
    values = [
        None,
        "",
        [],
        {},
        -1,
        0,
        1e308,
        float("nan"),
        "nan",
        "1e999",
        10**30,
        True,
        "(",
        "(a)(b)",
        [1],
        [1, 2, 3],
        "\u0000é",
        {"a": 0, "b": [1, 2]},
    ]

    def keys(section, above=()):
        for key, value in section.items():
            yield (*above, key)
            if isinstance(value, dict):
                yield from keys(value, (*above, key))

    shipped = yaml.safe_load(SHIPPED)
    every = list(keys(shipped))
    for number, rng in enumerate(draws(500)):
        if number % 2:
            file.write_bytes(damaged(SHIPPED, rng))
        else:
            changed = copy.deepcopy(shipped)
            for _ in range(rng.integers(1, 4)):
                *above, last = every[rng.integers(0, len(every))]
                section = changed
                for key in above:
                    section = section.get(key) if isinstance(section, dict) else None
                if isinstance(section, dict):
                    section[last] = values[rng.integers(0, len(values))]
            file.write_text(yaml.safe_dump(changed, allow_unicode=True))
        tried(params.load, file)


def test_images_and_masks(tmp_path):
    for rng in draws(300):
        suffix, content = picture(rng)
        file = tmp_path / f"image{suffix}"
        file.write_bytes(content)
        for read in (read_pages, read_mask, MaskRule().read, MaskRule(instances=True).read):
            told = tried(read, file)
            assert told is None or str(file) in told


def test_a_folder_with_odd_images_is_taken_or_refused_and_what_was_made_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(SHIPPED)
    settings = params.load()
    mine = settings.datasets["polyps"].model_copy(update={"source": "folder", "path": "own"})
    settings = settings.model_copy(update={"datasets": settings.datasets | {"polyps": mine}})
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        Path("own", name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (12, 17, 3), np.uint8)).save(f"own/images/{number}.png")
        Image.fromarray(rng.random((12, 17)) > 0.5).save(f"own/masks/{number}.png")
    download("polyps", settings)
    before, sound = hashes("data"), hashes("own")
    taken = 0
    for rng in draws(400):
        suffix, content = picture(rng)
        Path("own", ("images", "masks")[rng.integers(0, 2)], f"1{suffix}").write_bytes(content)
        told = tried(download, "polyps", settings)
        if told:
            assert hashes("data") == before
        else:
            taken += 1
            before = hashes("data")
        for name in ("images", "masks"):
            for file in Path("own", name).glob("1.*"):
                file.unlink()
        Image.fromarray(np.zeros((12, 17, 3), np.uint8)).save("own/images/1.png")
        Image.fromarray(np.zeros((12, 17), bool)).save("own/masks/1.png")
    assert 0 < taken < 400 * FACTOR
    assert len(hashes("own")) == len(sound)


def test_label_images_class_maps_and_tables_of_groups(tmp_path, monkeypatch):
    """Odd masks, whatever they are said to mean, and a table of groups that may be damaged."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(SHIPPED)
    settings = params.load()
    values = settings.datasets["polyps"].model_dump() | {"source": "folder", "path": "own"}
    for name in ("images", "masks"):
        Path("own", name).mkdir(parents=True)
    Image.fromarray(np.arange(204, dtype=np.uint8).reshape(12, 17)).save("own/images/1.png")
    meanings = [{"mask_threshold": 0}, {"mask_labels": [1, 2]}, {"instances": True, "ignore": 3}, {"ignore": [2, 3]}, {}]
    taken = 0
    for rng in draws(500):
        suffix, content = mask_file(rng)
        file = Path(f"own/masks/1{suffix}")
        file.write_bytes(content)
        table = b"image,group\n1.png,p1\n"
        Path("own/groups.csv").write_bytes(damaged(table, rng) if rng.random() < 0.3 else table)
        number = rng.integers(0, len(meanings) + 1)
        chosen = {"folder": meanings[number]} if number < len(meanings) else {"classes": {"a": 0, "b": [1, 255], "c": 2}}
        mine = params.check(params.Dataset, values | chosen, "params.yaml")
        told = tried(download, "polyps", settings.model_copy(update={"datasets": {"polyps": mine}}))
        taken += told is None
        file.unlink()
    assert 0 < taken < 500 * FACTOR


def test_models(tmp_path):
    from pipeline.startup import load_keras

    load_keras()
    from pipeline.inference.model import load_trained
    from pipeline.training.save import save
    from tests.builder import builder

    save(builder("unet")(channels=1, filters=2, depth=1), tmp_path / "sound.keras")
    content, card = (tmp_path / "sound.keras").read_bytes(), json.dumps({"task": "segmentation", "channels": 1}).encode()
    file = tmp_path / "network.keras"
    for rng in draws(100):
        file.write_bytes(damaged(content, rng))
        file.with_suffix(".json").write_bytes(damaged(card, rng) if rng.random() < 0.3 else card)
        told = tried(load_trained, file)
        assert told is None or str(file) in told or str(file.with_suffix(".json")) in told
    assert (tmp_path / "sound.keras").read_bytes() == content


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_no_file_at_all(tmp_path, kind):
    path = tmp_path / "image.png"
    if kind == "folder":
        path.mkdir()
    assert str(path) in tried(read_pages, path)
    shutil.rmtree(path, ignore_errors=True)
