"""Pictures of some test images with their predictions, and of a volume."""

import numpy as np

from pipeline import paths
from pipeline.evaluation.maps import map_panel
from pipeline.evaluation.test_split import open_image, open_mask, open_scaled
from pipeline.images.colours import ERRORS, class_colour
from pipeline.images.intensity import evenly
from pipeline.images.io import IGNORED
from pipeline.images.overlay import errors, kinds_of_error, painted
from pipeline.images.sheet import displayable, sheet
from pipeline.inference.decision import predicted
from pipeline.inference.explain import attention_maps

FIXED = 3  # panels of the same images whatever the network makes of them, so that `dvc plots diff` can pair experiments
WIDTH = 278  # pixels of one picture: four of them with their gaps fill the 1152 pixels of the report


def draw(scores, models, dataset, records, name, params):
    """Draw some images with their prediction and what the attention gates see; each panel is named after its image."""
    _draw_cuts(scores, dataset, name)
    table, explained = scores.table, set()
    for position, rank in _shown(table.sort_values(["dice", "image"]).index.tolist()):
        record, kind = records[position], rank.split()[0]
        model = models[record["fold"]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        file = paths.of_image(record["name"]) + ".png"
        seen = open_scaled(dataset, record, model)
        probability = model.segment(seen, params.inference)
        prediction = predicted(probability, model.threshold(params.inference))
        title = f"{rank}, Dice {table['dice'][position]:.3f}"
        (paths.panels(dataset) / f"{name}-{file}").write_bytes(panel(image, mask, prediction, title, scores.names))
        maps = {} if kind in explained else attention_maps(model, seen, params.inference)  # the first of a kind
        explained.add(kind)
        if maps:
            picture = map_panel(image, {_gate_title(gate): values for gate, values in maps.items()})
            (paths.panels(dataset) / f"{name}-attention-{file}").write_bytes(picture)


def _draw_cuts(scores, dataset, name):
    """Draw the longest volume across its sections."""
    volumes = list(scores.volumes)
    if volumes:
        records, masks, predictions = max(volumes, key=lambda volume: len(volume[0]))
        depth, height, _ = scores.volumes.voxel_size_nm
        picture = cuts([open_image(dataset, record) for record in records], masks, predictions, depth / height)
        (paths.panels(dataset) / f"{name}-volume.png").write_bytes(picture)


def _shown(ranked):
    """Choose the images that get a panel: the worst, the median, the best, and `FIXED` others spread over the test set.

    `ranked` has the positions of the test images, the hardest first. Returns pairs of a position and what its rank is called, in
    that order; no image twice.
    """
    count, ranks = len(ranked), {}
    for place, rank in ((count - 1, "best"), (0, "worst"), (count // 2, "median")):
        if 0 <= place < count:
            ranks.setdefault(ranked[place], rank)
    for position in evenly(count, FIXED).tolist():
        ranks.setdefault(position, f"rank {count - ranked.index(position)} of {count}")
    return sorted(ranks.items(), key=lambda shown: ranked.index(shown[0]))


def _gate_title(gate):
    level = int(gate.removeprefix("attention_"))
    return f"gate {level + 1}" + (" (finest)" if level == 0 else "")


def panel(image, mask, prediction, title, classes=("background", "foreground")):
    """Draw image, mask, prediction and errors side by side: a PNG, as bytes.

    `image` is (H, W, C) of any type; `mask` and `prediction` are (H, W), bool or numbers of `classes`; `title` stands above the
    image. Two classes are black and white; more have a colour each, named in the legend.
    """
    several = len(classes) > 2
    painted_areas = [painted(area if several else area == 1) for area in (mask, prediction)]
    pictures = [displayable(image), *painted_areas, errors(image, kinds_of_error(mask, prediction))]
    legend = {name: class_colour(number) for number, name in enumerate(classes)} if several else {}
    return sheet(pictures, [title, "mask", "prediction", "errors"], len(pictures), WIDTH, legend=legend | ERRORS)


def cuts(sections, masks, predictions, stretch):
    """Cut a volume across its sections, along the row and the column that show most foreground: a PNG, as bytes.

    `sections` are images (H, W, C) of any type; `masks` and `predictions` are (D, H, W), class numbers. Each section is drawn
    `stretch` pixels thick, its distance from the next in pixels.
    """
    pictures, captions, foreground = [], [], ((masks > 0) | (predictions > 0)) & (masks != IGNORED)
    images = np.stack(sections)
    for axis, name in enumerate(("row", "column")):
        place = int(foreground.sum(axis=(0, 2 - axis)).argmax())
        cut = [np.take(volume, place, axis + 1) for volume in (images, masks, predictions)]
        image, mask, prediction = (np.repeat(part, max(1, round(stretch)), axis=0) for part in cut)
        pictures += [displayable(image), errors(image, kinds_of_error(mask, prediction))]
        captions += [f"{name} {place} of {len(sections)} sections", "errors"]
    return sheet(pictures, captions, len(pictures), WIDTH, legend=ERRORS)
