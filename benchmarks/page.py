"""What was measured, as a table and a picture in docs/performance.md; the text around them is written by hand."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.machine import describe, operations_of
from benchmarks.task import Task

PAGE, PICTURE = Path("docs/performance.md"), Path("docs/performance.png")
BEGIN, END = "<!-- measured: make bench -->", "<!-- end -->"
PRODUCT = "matrix product, "
SHARE, MEMORY = "share of a matrix product's rate", "peak memory"  # of this pipeline
THEIRS = "peak memory of the faster PyTorch"
PASSES = {"training": 3, "prediction": 1}  # forwards and backwards take about three times the operations of forwards


def write_page(measured, operations, sides, augmentation):
    """Replace what stands between the marks, and draw the picture.

    Parameters
    ----------
    measured : dict
        (network, phase) → what `benchmarks.race.race` returned.
    operations : dict of str to float
        Of one image forwards, by network.
    sides : dict of str to int
        Rows and columns of the images, by network.
    augmentation : dict of str to float
        Milliseconds a patch, by contender.
    """
    columns = {", ".join(key): _column(*key, operations, results) for key, results in measured.items()}
    rows = [*_contenders(measured), SHARE, MEMORY, THEIRS]
    rounds = max(len(result["rates"]) for results in measured.values() for result in results.values())
    sizes = ", ".join(f"{side} × {side} for {network}" for network, side in sides.items())
    milliseconds = ", ".join(f"{name} {value:.1f}" for name, value in augmentation.items())
    lines = [
        f"Machine: {describe()}. Pixels of an image: {sizes}. Medians of {rounds} rounds, with their range in the brackets.",
        "",
        f"| images a second | {' | '.join(columns)} |",
        f"|---{'|--:' * len(columns)}|",
        *(f"| {row} | {' | '.join(column.get(row, '') for column in columns.values())} |" for row in rows),
        "",
        f"Augmenting one patch of 256 × 256 with its mask on one core, in milliseconds: {milliseconds}.",
    ]
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), encoding="utf-8")
    _draw(measured)


def _contenders(measured):
    """Names of all contenders, in the order in which they took part."""
    names = (name for results in measured.values() for name in results if not name.startswith(PRODUCT))
    return list(dict.fromkeys(sorted(names, key=lambda name: name.endswith("bfloat16"))))  # a stable sort


def _column(network, phase, operations, results):
    """What one network did in one phase: texts by row."""
    own = next(name for name in ("this pipeline, bfloat16", "this pipeline") if name in results)  # as `precision: auto`
    product = results[PRODUCT + ("bfloat16" if own.endswith("bfloat16") else "float32")]
    peak = operations_of(np.array(product["rates"]), Task(network))
    ours = np.array(results[own]["rates"])
    column = {}
    for name, result in results.items():
        if not name.startswith(PRODUCT):
            rates = np.array(result["rates"])
            # Ratios are taken round by round: the machine drifts, and in a round it is the same for all.
            times = ours / rates
            ratio = "" if name == own else f" ({np.median(times):.2f}, {times.min():.2f}–{times.max():.2f})"
            column[name] = f"{np.median(rates):.1f}{ratio}"
    column[SHARE] = f"{np.median(ours * operations[network] * PASSES[phase] / peak):.0%}"
    theirs = [result for name, result in results.items() if name.startswith("PyTorch")]
    for row, result in ((MEMORY, results[own]), (THEIRS, max(theirs, key=lambda result: np.median(result["rates"])))):
        column[row] = f"{result['memory'] / 2**30:.2f} GiB"
    return column


def _draw(measured):
    networks = list(dict.fromkeys(network for network, _ in measured))
    figure, axes = plt.subplots(len(networks), 2, figsize=(11, 2.2 * len(networks)), squeeze=False, layout="constrained")
    for (network, phase), results in measured.items():
        axis = axes[networks.index(network), int(phase == "prediction")]
        names = [name for name in results if not name.startswith(PRODUCT)][::-1]
        colours = ["#1f6f8b" if name.startswith("this") else "#b8b8b8" for name in names]
        bars = axis.barh(names, [np.median(results[name]["rates"]) for name in names], color=colours)
        axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
        axis.set_title(f"{network}, {phase}", fontsize=10, loc="left")
        axis.set_xlabel("images a second", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.15)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
