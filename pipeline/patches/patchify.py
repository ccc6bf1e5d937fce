"""Split, audit, cut and augment one data set."""

from pipeline import paths
from pipeline.atomic import write_json
from pipeline.datasets.layout import read_info
from pipeline.images.colours import class_colour
from pipeline.images.intensity import evenly
from pipeline.images.io import IGNORED, read_image
from pipeline.images.overlay import outlined
from pipeline.images.sections import nearest, neighbours, with_runs
from pipeline.images.sheet import displayable, fitted, sheet
from pipeline.patches.audit import messages, refuse_identical, split_and_audit, summarize
from pipeline.patches.pack import pack
from pipeline.patches.packed import load_packed

PREVIEW_ROWS, PREVIEW_COLUMNS = 3, 6  # enough to see the variety, small enough for a phone
PREVIEW_WIDTH = 168  # pixels of a patch
PAIRS, PAIRS_IN_A_ROW = 12, 4  # of near-duplicates, the most similar ones
PAIR_WIDTH = 180  # pixels of an image


def patchify(name, params):
    """Split the images of one data set, check the split for leakage, and pack patches of its training and validation images.

    Each of several folds has a split and packed patches of its own. A preview of the patches, and a summary, a table and a
    picture of the near-duplicates on different sides of the split are written even if there are none; table and picture before
    identical images on two sides are refused.
    """
    dataset, raw, folder = params.dataset(name), paths.raw(name), paths.patches(name)
    tables, pairs, unit = split_and_audit(raw, dataset.split, params.audit, params.seed)
    paths.preview(name).parent.mkdir(parents=True, exist_ok=True)
    pairs.to_csv(paths.leakage(name, "csv"), index=False, float_format="%.4f", lineterminator="\n")
    files = tables[0].set_index("name")["image"]
    paths.leakage(name, "png").write_bytes(leakage_sheet(pairs, lambda image: read_image(raw / files[image])))
    refuse_identical(raw, pairs, dataset.split, params.audit, paths.leakage(name, "csv"))  # DVC keeps what was written before
    summary = summarize(tables, pairs, unit, params.audit.correlation)
    for fold, table in enumerate(tables):  # the first one replaces the whole folder
        facts = {"fold": fold, "folds": len(tables)} if len(tables) > 1 else {}
        packed = paths.patches(name, fold)
        counts = pack(raw, packed, table, dataset, params.augment, params.seed, facts={"unit": unit} | facts)
        print(f"{packed}: " + ", ".join(f"{count} {split}" for split, count in counts.items()) + " patches")
    paths.preview(name).write_bytes(preview(*load_packed(folder, "train"), read_info(raw).classes, dataset.patches.context))
    write_json(paths.audit(name), summary)
    if dataset.patches.context:
        print(f"{folder}: {neighboured(tables[0], dataset.patches.context)}")
    for line in messages(tables, summary):
        print(f"{folder}: {line}", flush=True)


def preview(images, targets, classes, context=0):
    """Show some patches (N, H, W, C), without neighbours, in a PNG: masks (N, H, W) as outlines, or the class (N,) as caption.

    More than two classes of pixels have a colour each, named in the legend.
    """
    chosen, legend = evenly(len(images), PREVIEW_ROWS * PREVIEW_COLUMNS), {}
    pictures = [fitted(displayable(nearest(images[index], context, 0)), PREVIEW_WIDTH) for index in chosen]
    if targets.ndim == 1:
        captions = [classes[targets[index]] for index in chosen]
    else:
        captions = [""] * len(chosen)
        masks = (targets[index] * (targets[index] != IGNORED) for index in chosen)
        pictures = [outlined(picture, mask) for picture, mask in zip(pictures, masks, strict=True)]
        legend = {classes[number]: class_colour(number) for number in range(1, len(classes)) if len(classes) > 2}
    return sheet(pictures, captions, PREVIEW_COLUMNS, PREVIEW_WIDTH, legend)


def neighboured(table, context):
    """Say how many images of ``split.csv`` have all their neighbours; in a volume, most should."""
    table = with_runs(table)
    records = list(table[table["split"] != ""].itertuples())
    count = sum(len(set(neighbours(record, context))) == 2 * context + 1 for record in records)
    having = f"{count} of {len(records)} images have all their {2 * context} neighbours"
    return f"{having}; in the others, the nearest ones are repeated"


def leakage_sheet(pairs, read):
    """Draw the most similar pairs side by side, as PNG bytes; without pairs, a text. `read` opens an image by its name."""
    pictures, captions = [], []
    for pair in pairs[:PAIRS].itertuples():
        what = "identical" if pair.identical else f"r = {pair.correlation:.3f}"
        pictures += [displayable(read(pair.name_a)), displayable(read(pair.name_b))]
        captions += [f"{pair.side_a}: {pair.name_a}\n{what}", f"{pair.side_b}: {pair.name_b}\n{what}"]
    return sheet(pictures, captions, 2 * PAIRS_IN_A_ROW, PAIR_WIDTH, nothing="no image has a near-duplicate on another side")
