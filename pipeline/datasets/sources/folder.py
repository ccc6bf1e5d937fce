"""The user's own images, in the layout that they are usually kept in.

::

    segmentation                        classification
        images/a.png   masks/a.png          <class>/*.png
    or, for train, val and test,        or, for train, val and test,
        train/images/  train/masks/         train/<class>/*.png

and, optionally, ``groups.csv`` beside them. Images are PNG, JPEG, BMP, GIF, WebP, TIFF or volumes, of any type and number of
channels (see `pipeline.images.stack`); each page of a TIFF and each section of a volume becomes an image of its own. Every
problem with every file is reported at once, and then nothing is made.
"""

from collections import defaultdict
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from pipeline.datasets.layout import DatasetInfo
from pipeline.datasets.sources.folder_files import find_labelled, find_pairs, find_parts, refuse
from pipeline.datasets.sources.folder_groups import find_groups, warn_of_shared
from pipeline.datasets.sources.folder_masks import MaskFigures
from pipeline.errors import UserError
from pipeline.images.io import ORIENTATION, bits_as_grey
from pipeline.images.masks import MaskRule
from pipeline.images.stack import described, opened


def make(writer, name, dataset, seed):
    """Add the user's images in natural order, with the split and the groups of their folders, if any."""
    root, key, how, problems = Path(dataset.path), f"datasets.{name}", dataset.folder, []
    segmentation = dataset.task == "segmentation"
    parts = find_parts(root, (dataset.task,), f"{key}.path", problems)
    files = list(find_pairs(root, parts, f"{key}.path", problems) if segmentation else find_labelled(root, parts, problems))
    labels = list(dict.fromkeys(file.label for file in files))
    classes = tuple(dataset.class_names or (("background", name) if segmentation else labels))
    groups, everywhere = find_groups(files, root, parts, how.group, key, problems)
    figures = MaskFigures(classes)
    rule = MaskRule(how.mask_threshold, how.mask_labels or (), dataset.class_values, how.instances, how.ignore, key)
    formats = _add_all(writer, files, groups, rule, figures, problems)
    if segmentation and formats and not problems:  # else what is missing may lie in the masks that were refused
        problems += figures.missing(root, key)
    if not segmentation and not problems and set(classes) != set(labels):
        problems.append(f"{key}.classes: expected the folders' names {', '.join(labels)}, received {', '.join(classes)}")
    refuse(problems)
    if segmentation:
        figures.tell(root, key)
    if groups:
        warn_of_shared(files, groups, everywhere)
    (channels, colour, _), *_ = formats
    *depth, height, width = how.pixel_size_nm or (None, None)
    return DatasetInfo(
        name,
        dataset.source,
        dataset.task,
        classes,
        channels,
        height and (height, width),
        depth_nm=depth[0] if depth else None,
        colour=colour,
        instances=segmentation and how.instances,
        grouped=bool(groups),
    )


def _add_all(writer, files, groups, rule, figures, problems):
    """Add every file without problems; return the paths of each format (channels, colour, type)."""
    formats = defaultdict(list)
    for file in tqdm(files, desc="images", unit="file", disable=None, leave=False):
        try:
            with opened(file.path) as stack:
                pages = [bits_as_grey(page) for page in stack.all_pages()]
            formats[stack.channels, stack.colour, pages[0].dtype].append(file.path)
            masks = rule.read(file.mask) if file.mask else [None] * len(pages)
            shapes = [mask.classes.shape for mask in masks if mask]
            if file.mask and (problem := unlike_its_image(file, len(pages), pages[0].shape[:2], shapes)):
                raise UserError(problem)
            several, copied = len(pages) > 1, len(pages) == 1 and _is_standard(file.path)
            for number, (page, mask) in enumerate(zip(pages, masks, strict=True)):
                name = f"{file.name}_{number:03d}" if several else file.name
                volume = f"{file.name}:{number // stack.sections}" if several else ""  # of one position and time point
                classes, instances = mask or (None, None)
                writer.add(
                    name,
                    file.path if copied else page,
                    mask=classes,
                    label=file.label,
                    group=groups.get(file.path, file.name),
                    split=file.split,
                    instances=instances,
                    volume=volume,
                )
                if mask:
                    figures.add(mask, name)
        except UserError as error:
            problems += str(error).splitlines()
    problems += unlike_most(formats)
    return formats


def unlike_most(formats):
    """Yield a problem for each file whose format differs from the usual one; `formats` maps (channels, colour, type) to paths."""
    usual = max(formats, key=lambda key: len(formats[key]), default=None)
    for other in [key for key in formats if key != usual]:
        expected, received = map(described_format, (usual, other))
        told = f"expected {expected} like most of the images, received {received}; save it as {expected} too"
        yield from (f"{path}: {told}" for path in formats[other])


def described_format(page_format):
    channels, colour, kind = page_format
    return f"{described(channels, colour)} of {kind}"


def unlike_its_image(file, pages, shape, masks):
    """Say how a mask file differs from its image of so many pages, or return None; `masks` are the shapes of its pages."""
    if len(masks) != pages:
        return f"{file.mask}: expected {pages} pages as in {file.path}, received {len(masks)}"
    other = next((mask for mask in masks if mask != shape), None)
    if other:
        expected, received = (" × ".join(map(str, size)) for size in (shape, other))
        return f"{file.mask}: expected {expected} pixels (rows × columns) as in {file.path}, received {received}"
    return None


def _is_standard(path):
    """Whether a file can be copied byte for byte: an upright grey or RGB PNG or JPEG."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            upright = image.getexif().get(ORIENTATION, 1) == 1
            return image.format in ("PNG", "JPEG") and image.mode in ("L", "RGB") and upright
    except (UnidentifiedImageError, IsADirectoryError):
        return False
