"""Pictures of some test images with their predictions, and of a volume."""

import re

from pipeline import paths
from pipeline.evaluation.maps import map_panel
from pipeline.evaluation.test_split import open_image, open_mask, open_scaled
from pipeline.images.intensity import evenly
from pipeline.inference.decision import predicted
from pipeline.inference.explain import attention_maps
from pipeline.tasks.segmentation.evaluation.panel import cuts, panel

FIXED = 3  # panels of the same images whatever the network makes of them, so that `dvc plots diff` can pair experiments


def draw(scores, models, dataset, records, name, params):
    """Draw some images with their prediction, and what the attention gates see of them.

    A panel is named by its image, and its rank stands in the picture.
    """
    _draw_cuts(scores, dataset, name)
    table, explained = scores.table, set()
    for position, rank in _shown(table.sort_values(["dice", "image"]).index.tolist()):
        record, kind = records[position], rank.split()[0]
        model = models[record["fold"]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        file = re.sub(r"[^\w.-]", "_", record["name"]) + ".png"
        seen = open_scaled(dataset, record, model)
        probability = model.segment(seen, params.inference)
        prediction = predicted(probability, model.threshold(params.inference))
        title = f"{rank}, Dice {table['dice'][position]:.3f}"
        (paths.panels(dataset) / f"{name}-{file}").write_bytes(panel(image, mask, prediction, title, scores.names))
        maps = {} if kind in explained else attention_maps(model, seen, params.inference)  # the first of a kind
        explained.add(kind)
        if maps:
            sheet = map_panel(image, {_gate_title(gate): values for gate, values in maps.items()})
            (paths.panels(dataset) / f"{name}-attention-{file}").write_bytes(sheet)


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
