"""The page of measurements, from a race of three contenders."""

import numpy as np

from benchmarks import page
from benchmarks.task import Task


def test_the_page_compares_rates_round_by_round(tmp_path, monkeypatch):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "performance.md").write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    results = {
        "matrix product, float32": {"rates": [1.0, 2.0], "memory": 2**30},
        "PyTorch, eager": {"rates": [1.0, 4.0], "memory": 2**30},
        "this pipeline": {"rates": [2.0, 4.0], "memory": 2**29},
    }
    operations = page.operations_of(np.array([0.5]), Task("unet"))[0] / 3  # an image takes half a product, three times over
    page.write_page({("unet", "training"): results}, {"unet": operations}, {"unet": 256}, {"this pipeline": 9.84})
    text = (folder / "performance.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| PyTorch, eager | 2.5 (1.50, 1.00–2.00) |" in text  # 2 and 1 times as fast
    assert "| this pipeline | 3.0 |" in text
    assert f"| {page.SHARE} | 100% |" in text  # 2 · 0.5 / 1 and 4 · 0.5 / 2
    assert f"| {page.MEMORY} | 0.50 GiB |" in text
    assert f"| {page.THEIRS} | 1.00 GiB |" in text
    assert (folder / "performance.png").exists()
