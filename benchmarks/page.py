"""What was measured, as tables and a picture in docs/performance.md; the text around them is written by hand."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.machine import describe, operations_of
from benchmarks.task import Task

PAGE, PICTURE = Path("docs/performance.md"), Path("docs/performance.png")
BEGIN, END = "<!-- measured: make bench -->", "<!-- end -->"
PRODUCT = "matrix product, "
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
    lines = [BEGIN, "", f"Machine: {describe()}.", ""]
    for (network, phase), results in measured.items():
        work = operations[network] * PASSES[phase]
        peaks = {kind: operations_of(np.array(product["rates"]), Task(network)) for kind, product in _products(results)}
        results = {name: result for name, result in results.items() if not name.startswith(PRODUCT)}
        own = next(name for name in ("this pipeline, bfloat16", "this pipeline") if name in results)  # as `precision: auto`
        ours = np.array(results[own]["rates"])
        lines += [
            f"### {network}, {phase}: {sides[network]} × {sides[network]} pixels, {work / 1e9:.1f} GFLOP an image",
            "",
            "A large matrix product in the same rounds: "
            + ", ".join(f"{np.median(peak) / 1e9:.0f} GFLOP/s in {kind}" for kind, peak in peaks.items())
            + ".",
            "",
            f"| | images a second: median | best | {own} is | of the matrix rate | peak memory |",
            "|---|---|---|---|---|---|",
        ]
        for name, result in results.items():
            rates, peak = np.array(result["rates"]), peaks["bfloat16" if name.endswith("bfloat16") else "float32"]
            # Ratios are taken round by round: the machine drifts, and in a round it is the same for all.
            ratio = "" if name == own else f"{np.median(ours / rates):.2f} × as fast"
            lines.append(
                f"| {name} | {np.median(rates):.1f} | {max(rates):.1f} | {ratio} | {np.median(rates * work / peak):.0%} "
                f"| {result['memory'] / 2**30:.2f} GiB |"
            )
        lines.append("")
    lines += ["### Augmentation of one patch of 256 × 256 with its mask, one core", "", "| | milliseconds |", "|---|---|"]
    lines += [f"| {name} | {value:.1f} |" for name, value in augmentation.items()]
    before, after = _around()
    PAGE.write_text("\n".join([before + lines[0], *lines[1:], "", END + after]), encoding="utf-8")
    _draw(measured)


def _around():
    """The text before and after what is replaced."""
    page = PAGE.read_text(encoding="utf-8")
    return page.split(BEGIN)[0], page.split(END)[1]


def _products(results):
    return [(name.removeprefix(PRODUCT), result) for name, result in results.items() if name.startswith(PRODUCT)]


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
