"""From what a folder holds to settings, each with its reason.

The rules are those that nnU-Net applies unseen (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z): patches as large as the
objects need and the images allow, rare classes drawn more often, as many steps as a small data set bears. Here the settings lie
in ``params.yaml``, where you can change them.
"""

import os
from pathlib import Path
from types import SimpleNamespace

from pipeline.errors import UserError, counted
from pipeline.images.resize import gives_one_shape, new_shape
from pipeline.patches.cutting import corners
from pipeline.planning.describe import percent
from pipeline.planning.training import COPIED, FEW, RANDOM, copied, copies, training
from pipeline.scoring.statistics import FEWEST_UNITS

ALIKE = 0.2  # correlation of neighbouring masks from which the images are a series
SERIES = 6  # images from which a correlation says anything
RARE = 0.03  # share of the pixels below which the grid of patches hardly meets a class
LARGE, LONE = 1 / 6, 2  # of the image's side, and number: objects that are recognised from the whole frame
SIDES = 128, 192, 256  # of a patch in pixels; larger patches take too long on two cores
KEPT = 0.98  # Dice of masks at half the resolution from which little is lost
MULTIPLE = 16  # pixels: four poolings halve a side four times
SHOWN = 3  # different pixel sizes
NARROW = 0.25  # of the common range of intensities: images that span less have ranges of their own


def plan(seen, network, settings, start=RANDOM):
    """Plan a data set that `look` has seen, for the network of that name with its `settings` in ``params.yaml``."""
    if start.pretrained and seen.channels not in (1, 3):
        raise UserError(f"{seen.root}: pretrained weights take grey or RGB images, not {seen.kind}; omit --pretrained")
    split, alone = _split(seen)
    cut = _windows if seen.task == "segmentation" else _tiles
    patches, side, count = cut(seen, _training_images(seen, split), start)
    if seen.task == "segmentation":
        series = seen.pages > 1 or split["method"][0] == "blocks"
        reason = "1 would also show networks the sections before and after" if series else "each image by itself"
        patches["context"] = 0, reason
    folder = {} if seen.masks is None else dict(seen.masks.settings)
    like = seen.likeness
    if like.believed and not seen.grouped:
        folder = {"group": (like.pattern, f"file names suggest {like.groups} groups: check whether they are right")} | folder
    pixel_size, *others = seen.pixel_sizes
    if pixel_size and not others:
        sides = "height and width" if len(pixel_size) == 2 else "distance between sections, height and width"
        folder["pixel_size_nm"] = (list(pixel_size), f"{sides} in nm, as the files state")
    block = {
        "task": (seen.task, "images and masks" if seen.task == "segmentation" else "a folder of images for each class"),
        "source": ("folder", "your own images"),
        "path": _path(seen.root),
        "url": (None, "for public sources"),
        "classes": _classes(seen),
        "intensity": _intensity(seen),
        "folder": folder or (None, "no setting is needed"),
        "split": split,
        "patches": patches,
    }
    more = copies(seen, start, count, whole=gives_one_shape(patches["resize"][0]))
    count *= 1 + more[0]
    settled = {"augment.copies": more} | training(seen, start, network, settings, count, min(side)) | alone
    return SimpleNamespace(
        block=block,  # of ``params.yaml``: keys to (value, reason), or to another dict
        training=settled,  # keys of ``params.yaml`` outside the block to (value, reason)
        notes=list(_notes(seen)),  # what the user should look at
        pixels=count * side[0] * side[1],  # of all training patches in one epoch, copies included
    )


def _path(root):
    inside = Path(os.path.abspath(root)).is_relative_to(Path.cwd())
    if inside:
        return os.path.relpath(root), "in the project; `dvc add` it for queued experiments, which see only what git and DVC track"
    return os.path.abspath(root), "absolute, so that it works in any copy of the project"


def _classes(seen):
    if seen.masks is None:
        return None, f"the names of its {len(seen.classes)} folders"
    return seen.masks.classes or (None, "background, and a foreground called like this block")


def _intensity(seen):
    if seen.narrow < NARROW:
        return "image", f"half of the images each span less than {100 * max(seen.narrow, 0.01):.0f} % of the range of all images"
    return "auto", "all images share one range"


def _split(seen):
    """The split, and settings of the audit that go with it."""
    like, audit = seen.likeness, {}
    stated = [name for name in seen.images if name]
    method, gap = "groups", 0
    if seen.grouped > 1:
        reason = f"groups.csv states {seen.grouped} groups, and each stays on one side"
    elif seen.grouped:
        method, reason = "blocks", "groups.csv states a single group, which only blocks can divide"
    elif like.believed:
        reason = f"the file names suggest {like.groups} groups, and each stays on one side"
    elif seen.pages > 1 and seen.cut > len([role for role in ("val", "test") if role not in stated]):
        reason = f"each file, of up to {seen.pages} pages, stays on one side"
    elif copied(like) and like.neighbours < ALIKE:
        together = "in train/ together" if stated else "together"
        reason = f"{100 * like.copies:.0f} % of the images have a near-duplicate; audit.group keeps copies {together}"
        audit = {
            "audit.group": (True, f"near-duplicates {'in train/ ' * bool(stated)}stay on one side of the split"),
            "audit.correlation": (0.75, "finds more copies; see docs/leakage.md"),
        }
    elif seen.pages > 1:
        method, reason = "blocks", "pages of one file follow each other"
    elif seen.files >= SERIES and like.neighbours >= max(ALIKE, 2 / seen.looked_at**0.5):
        method, reason = "blocks", f"neighbours in the order of their names are alike (masks correlate by {like.neighbours:.2f})"
        gap = min(like.reach - 1, seen.files // 40)
    else:
        reason = "no image resembles its neighbours, so each counts by itself"
    split = {"method": (method, reason)}
    for role, share, what in (("val", 0.15, "choose epoch and threshold"), ("test", 0.2, "are scored")):
        split[role] = (share, f"not used: your {role}/ is kept" if role in stated else f"share of the images, which {what}")
    if not stated:
        groups = seen.grouped or (like.groups if like.believed else 0)
        tested = max(1, round(groups * split["test"][0])) if groups > 1 else FEWEST_UNITS
        few = f"; {counted(tested, 'group')} in the test set: too few for an interval" if tested < FEWEST_UNITS else ""
        split["folds"] = (1, f"5 would test every image, in five times the time{few}")
    if method == "blocks":
        none = "none left out: pages were not compared" if seen.pages > 1 else "none left out: there are few images"
        split["gap"] = (gap, "images left out at each border" if gap else none)
    return split, audit


def _training_images(seen, split):
    if not any(seen.images):
        return max(1, round(sum(seen.images.values()) * (1 - split["val"][0] - split["test"][0])))
    missing = sum(split[role][0] for role in ("val", "test") if role not in seen.images)
    return max(1, round(seen.images.get("train", 0) * (1 - missing)))


def _windows(seen, images, start):
    """Patches of images with masks, their sides, and how many train."""
    masks, shape = seen.masks, seen.shape
    frame = seen.colour and len(masks.classes) <= 2 and "instances" not in masks.settings
    if frame and masks.largest >= LARGE and masks.objects <= LONE and max(shape) > start.frame:
        size = [max(32, round(n * start.frame / max(shape) / 32) * 32) for n in shape]
        reason = f"objects span {100 * masks.largest:.0f} % of a frame: they are recognised from all of it"
        whole = {"resize": (size, reason), "size": (size, "the whole frame"), "stride": (size, "one patch per frame")}
        return whole | {"foreground": (0.0, "each frame is a patch")}, size, images
    extent = masks.extent[1] if masks.extent else SIDES[0] / 2
    touching = "instances" in masks.settings  # gaps of a pixel between objects would close
    halve = extent > SIDES[0] / 2 and masks.halved >= KEPT and min(shape) >= 2 * SIDES[0] and not touching
    if halve:
        extent, shape = extent / 2, new_shape(shape, 0.5)
        scale = 0.5, f"objects are large: half of each side shows more around them, and masks keep a Dice of {masks.halved:.2f}"
    else:
        scale = None, "the scale is kept"
    side = next((side for side in SIDES if side >= 2 * extent), SIDES[-1])
    size = [min(side, max(32, n // MULTIPLE * MULTIPLE)) for n in shape]
    half = [n // 2 for n in size]
    close = images * len(corners(shape, size, half)) <= FEW
    stride = half if close else size
    count = images * len(corners(shape, size, stride))
    rarest = min(masks.share.values())
    foreground = 0.33 if rarest < RARE else 0.0
    fits = f"nine in ten objects are{' then' if halve else ''} at most {extent:.0f} long, half of this or less"
    if min(size) < side:
        fits = "as large as the images allow"
    elif 2 * extent > side:
        fits = f"nine in ten objects are up to {extent:.0f} long, but larger patches would take too long on two cores"
    lies = "overlapping: " if close and count > images else ""
    patches = {
        "resize": scale,
        "size": (size, f"rows, columns in pixels; {fits}"),
        "stride": (stride, f"{lies}{count} training patches"),
        "foreground": (foreground, f"the rarest class has {percent(rarest)} % of the pixels"),
    }
    return patches, size, round(count / (1 - foreground))


def _tiles(seen, images, start):
    """Size to which images are reduced that are classified, and how many train."""
    shrink = min(1, start.tile / min(seen.shape))
    size = [max(32, round(n * shrink)) for n in seen.shape]
    before = f"{seen.shape[0]} × {seen.shape[1]}"
    if shrink < 1:
        reason = f"reduced from {before} to train in minutes on two cores; fine details may need more"
    elif size == list(seen.shape):
        reason = "the size of the images" if seen.one_shape else "the median size of the images"
    else:
        reason = f"enlarged from {before}: networks need 32"
    return {"resize": (size, reason)}, size, images


def _notes(seen):
    like, masks = seen.likeness, seen.masks
    if seen.looked_at < seen.files:
        yield f"looked at {seen.looked_at} of {seen.files} files"
    if sum(seen.images.values()) < 3:
        yield "at least three images are needed, one each for training, validation and testing"
    cut = [role for role in ("val", "test") if role not in seen.images]
    if cut and 1 < seen.grouped <= len(cut):
        yield f"training, {' and '.join(cut)} need a group each, but groups.csv has only {seen.grouped}: add groups"
    if like.doubted:
        yield f"file names suggest groups by {like.pattern!r}, but {like.doubted}"
    if like.copies >= COPIED and not copied(like):
        yield (
            f"{100 * like.copies:.0f} % of the images have a near-duplicate, but most of them form one chain, so they may be "
            "different images that look alike rather than copies (docs/leakage.md)"
        )
    if like.identical:
        yield (
            f"{like.identical} pairs of identical images are on different sides of your split, so patchify will stop: "
            "remove one of each pair (docs/leakage.md)"
        )
    if like.leaking:
        yield (
            f"{like.leaking} pairs of near-duplicates are on different sides of your split, which is kept: scores will be "
            "too good (docs/leakage.md)"
        )
    if like.believed and like.shared:
        yield (
            f"{like.shared} group names occur in several classes and count as a separate group in each: if they mean the same "
            "patient, state the groups in groups.csv"
        )
    if seen.grouped and like.across:
        yield f"{like.across} pairs of near-duplicates are in different groups of groups.csv: check the groups (docs/leakage.md)"
    if len(seen.pixel_sizes) > 1:
        sizes = ", ".join(" × ".join(f"{side:g}" for side in size) if size else "none" for size in seen.pixel_sizes[:SHOWN])
        yield f"files state different pixel sizes in nm ({sizes}), so folder.pixel_size_nm is left out"
    if masks and not any(masks.share.values()):
        yield "no mask has any foreground, so download will stop: check the settings in folder"
    if masks and masks.full:
        yield f"{counted(masks.full, 'mask')} without background: check that folder says correctly what their values mean"
    if masks and masks.classes:
        yield "give the classes names; to join several, give one of them a list of values"
