"""What was measured, as tables and a picture in docs/performance.md; the text around them is written by hand."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.machine import describe

PAGE, PICTURE = Path("docs/performance.md"), Path("docs/performance.png")
BEGIN, END = "<!-- measured: make bench -->", "<!-- end -->"
PASSES = {"training": 3, "prediction": 1}  # forwards and backwards take about three times the operations of forwards


def write_page(measured, operations, rates, sides, augmentation):
    """Replace what stands between the marks, and draw the picture.

    Parameters
    ----------
    measured : dict
        (network, phase) → what `benchmarks.race.race` returned.
    operations : dict of str to float
        Of one image forwards, by network.
    rates : dict of str to float
        Operations a second of a large matrix product, by precision.
    sides : dict of str to int
        Rows and columns of the images, by network.
    augmentation : dict of str to float
        Milliseconds a patch, by contender.
    """
    lines = [BEGIN, "", f"Machine: {describe()}. A large matrix product: {_rates(rates)}.", ""]
    for (network, phase), results in measured.items():
        work = operations[network] * PASSES[phase]
        ours = max(results["this pipeline"]["rates"])
        lines += [
            f"### {network}, {phase}: {sides[network]} × {sides[network]} pixels, {work / 1e9:.1f} GFLOP an image",
            "",
            "| | images a second: best | median | this pipeline is | of the matrix rate | peak memory |",
            "|---|---|---|---|---|---|",
        ]
        for name, result in results.items():
            best = max(result["rates"])
            rate = rates["bfloat16" if name.endswith("bfloat16") else "float32"]
            ratio = "" if name == "this pipeline" else f"{ours / best:.2f} × as fast"
            lines.append(
                f"| {name} | {best:.1f} | {np.median(result['rates']):.1f} | {ratio} | {best * work / rate:.0%} "
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


def _rates(rates):
    return ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {kind}" for kind, rate in rates.items())


def _draw(measured):
    networks = list(dict.fromkeys(network for network, _ in measured))
    figure, axes = plt.subplots(len(networks), 2, figsize=(11, 2.2 * len(networks)), squeeze=False, layout="constrained")
    for (network, phase), results in measured.items():
        axis = axes[networks.index(network), int(phase == "prediction")]
        names = list(results)[::-1]
        colours = ["#1f6f8b" if name.startswith("this") else "#b8b8b8" for name in names]
        bars = axis.barh(names, [max(results[name]["rates"]) for name in names], color=colours)
        axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
        axis.set_title(f"{network}, {phase}", fontsize=10, loc="left")
        axis.set_xlabel("images a second", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.15)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
