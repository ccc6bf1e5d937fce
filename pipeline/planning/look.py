"""Look at a user's folder of images: what the rules of `pipeline.planning.rules` need to know of it."""

from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.datasets.sources.folder import described_format, unlike_its_image, unlike_most
from pipeline.datasets.sources.folder_files import LAYOUT, PARTS, find_labelled, find_pairs, find_parts, refuse
from pipeline.datasets.sources.folder_groups import find_groups
from pipeline.datasets.sources.listing import entries
from pipeline.errors import UserError
from pipeline.images.intensity import robust_range, sample
from pipeline.images.io import bits_as_grey
from pipeline.images.stack import opened
from pipeline.parallel import on_all_cores
from pipeline.patches.fingerprints import FINGERPRINT, describe
from pipeline.planning.likeness import compare
from pipeline.planning.masks import look_at_masks

MOST, RUN = 1000, 20  # files that are looked at, in runs of neighbours: a minute on two cores
PARALLEL = 50  # files from which several processes are faster, although they take a second to start


def look(root):
    """Gather the facts of a folder that decide its settings. Raises a `UserError` with all that is wrong with its files."""
    root, problems = Path(root), []
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    parts = find_parts(root, LAYOUT, "FOLDER", problems)
    folders = {path.name.casefold() for part in parts.values() for path in entries(part) if path.is_dir()}
    segmentation = bool(folders & {*PARTS["images"], *PARTS["masks"]})  # any other folder has a folder for each class
    files = list(find_pairs(root, parts, "FOLDER", problems) if segmentation else find_labelled(root, parts, problems))
    groups, _ = find_groups(files, root, parts, None, "FOLDER", problems)
    if not files:
        refuse(problems)
    places, masks, formats = in_runs(len(files)), None, defaultdict(list)
    some = [files[place] for place in places]
    with on_all_cores(worthwhile=len(some) > PARALLEL) as map_in_order:
        looks = list(tqdm(map_in_order(_look, [file.path for file in some]), "images", len(some), unit="file", disable=None))
        for file, found in zip(some, looks, strict=True):
            if isinstance(found, str):
                problems.append(found)
            else:
                formats[found["format"]].append(file.path)
        problems += unlike_most(formats)
        try:
            masks = look_at_masks([file.mask for file in some], root.resolve().name, map_in_order) if segmentation else None
        except UserError as error:
            problems += str(error).splitlines()
    refuse(problems)
    looks = pd.DataFrame(looks).assign(split=[file.split for file in some], label=[file.label for file in some])
    if segmentation:
        fits = map(unlike_its_image, some, looks["pages"], looks["shape"], masks.shapes)
        refuse([problem for problem in fits if problem])

    def pages(key):
        """Images of the files that share a `key`, by its value; the files that were looked at tell how many the others have."""
        count, known = Counter(getattr(file, key) for file in files), looks.groupby(key)["pages"].mean()
        return {value: round(number * known.get(value, looks["pages"].mean())) for value, number in count.items()}

    (image_format,) = formats
    pool = [file for file in files if file.split in ("", "train")]
    fingerprints = np.array(looks["fingerprint"].tolist(), FINGERPRINT)
    return SimpleNamespace(
        root=root,
        task="segmentation" if segmentation else "classification",
        images=pages("split"),  # their number by the split that the folders state, "" if none
        files=len(files),
        # Files from which training and what the folders do not state are cut: of classes, of the smallest one.
        cut=min(Counter(file.label for file in pool).values(), default=0),
        looked_at=len(some),
        pages=int(looks["pages"].max()),  # the most that a file has
        shape=tuple(int(side) for side in np.median(looks["shape"].tolist(), axis=0)),  # rows and columns
        one_shape=looks["shape"].nunique() == 1,
        channels=image_format[0],
        colour=image_format[1],
        kind=described_format(image_format),  # such as "RGB of uint8"
        pixel_sizes=tuple(dict.fromkeys(looks["pixel_size_nm"])),  # in nm, or None: what the files state, each once
        # Median share of the common range of intensities that one image spans.
        narrow=float(np.median(looks["high"] - looks["low"]) / max(looks["high"].max() - looks["low"].min(), 1e-9)),
        masks=masks,  # what `look_at_masks` returns; None for classification
        classes={} if segmentation else pages("label"),  # images of each class
        # Number of groups that ``groups.csv`` states among the files that are cut, 0 without one.
        grouped=len({groups[file.path] for file in pool if file.path in groups}),
        likeness=compare(some, places, fingerprints, [groups.get(file.path, "") for file in some], masks),
    )


def in_runs(count, most=MOST, run=RUN):
    """Positions of at most `most` of `count` files, in runs of neighbours that are evenly spaced.

    >>> in_runs(10, most=4, run=2)
    [0, 1, 8, 9]
    """
    if count <= most:
        return list(range(count))
    starts = np.linspace(0, count - run, most // run).round().astype(int)
    return sorted({int(start) + step for start in starts for step in range(run)})


def _look(path):
    """Look at one file, in a process of its own: a dict, or what is wrong with it as text."""
    try:
        with opened(path) as stack:
            page = bits_as_grey(stack.read(stack.pages // 2, 0, stack.shape[0]))
            size = stack.pixel_size_nm and (*filter(None, [stack.depth_nm]), *stack.pixel_size_nm)
            size = size and tuple(float(f"{length:.6g}") for length in size)  # 200 nm, not 200.00000000000003
        low, high = np.transpose(robust_range([sample(page)], stack.colour))
        facts = {"pages": stack.pages, "shape": tuple(stack.shape), "pixel_size_nm": size}
        facts |= {"format": (stack.channels, stack.colour, page.dtype.name), "fingerprint": describe(page)}
        return facts | {"low": low.min(), "high": high.max()}
    except UserError as error:
        return str(error)
