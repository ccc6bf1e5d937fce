"""The whole pipeline, as a user runs it: every stage once, and then only what depends on a change."""

import json
import math
import time

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from benchmarks import real
from pipeline import networks, params, predict
from pipeline.images.io import read_mask

PARAMS = params.load()
PAIRS = [(dataset, network) for dataset in PARAMS.datasets for network in PARAMS.networks_of(dataset)]
HEADLINE = {
    "segmentation": {"iou", "dice", "mean_iou", "accuracy", "nsd", "pq", "loss"},
    "classification": {"accuracy", "macro_f1", "auroc", "ece", "loss"},
}


@pytest.mark.parametrize(("dataset", "network"), PAIRS)
def test_every_network_leaves_its_model_and_its_metrics(project, dataset, network):
    assert (project.root / f"models/{dataset}/{network}.keras").stat().st_size > 10_000
    reports = project.root / "reports" / dataset
    metrics = json.loads((reports / f"metrics/{network}.json").read_text())
    assert len(metrics.pop("data")) == 6  # the fingerprint of the test images
    assert set(metrics) == HEADLINE[PARAMS.dataset(dataset).task]
    assert all(value is None or math.isfinite(value) for value in metrics.values())
    folder = reports / "details" / network
    detail = json.loads((folder / "detail.json").read_text())
    table = pd.read_csv(folder / "per_image.csv", dtype={"picture": str})
    assert len(table) == detail["test_images"]
    assert table["unit"].nunique() == detail["unit"]["count"] >= 4  # fewer units have no interval
    assert list((reports / "panels").glob(f"{network}-*.png"))
    assert {f"{stem}-image.webp" for stem in table["picture"].dropna()} <= {path.name for path in (folder / "gallery").iterdir()}


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_networks_are_compared_with_the_best_one(project, dataset):
    reports = project.root / "reports" / dataset
    compared = json.loads((reports / "details/comparison.json").read_text())
    metrics = {file.stem: json.loads(file.read_text()) for file in (reports / "metrics").iterdir()}
    assert len({values["data"] for values in metrics.values()}) == 1
    scores = {network: values[compared["metric"]] for network, values in metrics.items()}
    assert scores[compared["best"]] == max(scores.values())
    assert set(compared["differences"]) == set(compared["sentences"]) == set(scores) - {compared["best"]}
    for network, differences in compared["differences"].items():
        expected = scores[network] - scores[compared["best"]]
        assert differences[compared["metric"]]["difference"] == pytest.approx(expected, abs=1e-4)


def test_the_attention_of_each_gate_and_gradcam_are_drawn(project):
    panels = {path.name for path in (project.root / "reports/mitochondria/panels").iterdir()}
    assert any(name.startswith("attn_resunet-attention-") for name in panels)
    assert not any(name.startswith("unet-attention-") for name in panels)
    assert (project.root / "reports/tissue/panels/vgg16-gradcam.png").exists()


@pytest.mark.parametrize("network", ["unet", "attn_resunet"])
def test_the_headline_is_the_sum_of_the_table(project, network):
    """Counts of the per-image table, added up and divided once, give the pooled figures."""
    folder = project.root / f"reports/polyps/details/{network}"
    table = pd.read_csv(folder / "per_image.csv")
    metrics = json.loads((project.root / f"reports/polyps/metrics/{network}.json").read_text())
    metrics |= json.loads((folder / "detail.json").read_text())["scores"]
    tp, fp, fn, tn = table[["tp", "fp", "fn", "tn"]].sum()
    assert metrics["iou"] == pytest.approx(tp / (tp + fp + fn), abs=1e-4)
    assert metrics["accuracy"] == pytest.approx((tp + tn) / (tp + fp + fn + tn), abs=1e-4)
    assert metrics["dice_per_image"] == pytest.approx(table["dice"].mean(), abs=1e-4)
    assert metrics["nsd"] == pytest.approx(table["nsd"].mean(), abs=1e-4)
    objects = pd.read_csv(folder / "per_object.csv")
    assert (objects["kind"] == "reference").sum() == table["objects_reference"].sum()


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_no_group_and_no_image_is_on_both_sides(project, dataset):
    table = pd.read_csv(project.root / f"data/patches/{dataset}/split.csv", dtype=str, keep_default_na=False)
    used = table[table["split"] != ""]
    assert set(used["split"]) == {"train", "val", "test"}
    assert used.groupby("group")["split"].nunique().max() == 1
    manifest = pd.read_csv(project.root / f"data/patches/{dataset}/manifest.csv", dtype=str)
    roles = used.set_index("name")["split"]
    assert (manifest["split"] == manifest["name"].map(roles)).all()
    assert "test" not in set(manifest["split"])


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_no_near_duplicates_across_the_split(project, dataset):
    """Low-resolution pictures, their mean taken away, correlate less across the split than copies of one would."""
    from skimage.transform import resize

    from pipeline.images.io import read_image

    raw = project.root / f"data/raw/{dataset}"
    table = pd.read_csv(project.root / f"data/patches/{dataset}/split.csv", dtype=str, keep_default_na=False)
    small = np.stack(
        [resize(read_image(raw / image).mean(axis=-1), (16, 16), anti_aliasing=True).ravel() for image in table["image"]]
    )
    small -= small.mean(axis=1, keepdims=True)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    correlation = small @ small.T
    sides = table["split"].to_numpy()
    across = (sides[:, None] != sides[None]) & (sides != "")[:, None] & (sides != "")[None]
    assert correlation[across].max() < 0.98
    np.testing.assert_allclose(np.diag(correlation), 1, atol=1e-5)


def test_a_second_run_does_nothing(project):
    output = project.dvc("repro").stdout
    assert "Running stage" not in output
    assert "up to date" in output
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_metrics_and_plots_are_shown(project):
    shown = project.dvc("metrics", "show").stdout
    for dataset, network in PAIRS:
        assert f"reports/{dataset}/metrics/{network}.json" in shown.replace("\\", "/")
    project.dvc("plots", "show", "--out", "plots-page")
    assert "vega" in (project.root / "plots-page/index.html").read_text()
    project.run("rm", "-r", "plots-page")


def test_the_table_of_recipes_has_the_scores_of_each_network(project, monkeypatch):
    monkeypatch.chdir(project.root)
    rows = list(real.scores())
    assert {(dataset, network) for dataset, _, network, *_ in rows} == {
        (dataset, networks.load(network, PARAMS).title) for dataset, network in PAIRS
    }
    for dataset, test, _, score, _ in rows:
        best = json.loads((project.root / f"reports/{dataset}/details/comparison.json").read_text())
        detail = json.loads((project.root / f"reports/{dataset}/details/{best['best']}/detail.json").read_text())
        assert test.startswith(f"{detail['test_images']} images in {detail['unit']['count']} ")
        assert score.lower().startswith(best["metric"])


def ran(output):
    """Stages that a run executed, without their datasets, and without `weights`, which looks at every new params.yaml."""
    lines = [line for line in output.splitlines() if line.startswith("Running stage ")]
    return {line.split("'")[1].split("@")[0] for line in lines} - {"weights"}


def test_the_leaderboard_has_the_speed_of_each_network(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    from benchmarks import leaderboard

    monkeypatch.setattr(leaderboard, "SECONDS", 0)  # one batch each
    leaderboard.main("polyps")
    head, _, *rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert head[-2:] == ["training, patches/s", "prediction, patches/s"]
    speeds = {row[0]: row[-2:] for row in rows}
    assert set(speeds) == {"U-Net", "Attention ResU-Net", "trivial", "reported"}
    assert all(float(cell.replace(",", "")) > 0 for name in ("U-Net", "Attention ResU-Net") for cell in speeds[name])


def test_the_learning_rate_reruns_training_and_what_follows(project):
    result = project.experiment("train-unet@polyps", train__lr="1e-5", train__schedule="constant", train__warmup="0")
    assert ran(result.stdout) == {"train-unet"}
    curves = pd.read_csv(project.root / "reports/polyps/unet/curves.csv")
    assert curves["learning_rate"].tolist() == [1e-5]
    written = yaml.safe_load((project.root / "params.yaml").read_text())["train"]["lr"]
    assert written in ("1e-5", "1e-05")  # DVC leaves out the dot, and PyYAML reads text; the pipeline must not
    changed = project.dvc("status").stdout
    assert "evaluate@polyps" in changed
    assert "download" not in changed
    assert "patchify" not in changed
    project.restore()
    project.dvc("checkout", "-q")


def test_a_change_concerns_the_stages_that_read_it(project):
    """`dvc status` names the stages whose own params changed; those behind them follow once these have run."""
    from ruamel.yaml import YAML

    file = project.root / "params.yaml"
    values = YAML().load(file.read_text())
    values["augment"]["noise"], values["inference"]["batch_size"] = 0.01, 3
    values["vgg16"]["dropout"], values["attn_resunet"]["dropout"] = 0.4, 0.2
    with open(file, "w") as stream:
        YAML().dump(values, stream)
    status = json.loads(project.dvc("status", "--json").stdout)
    assert {stage for stage in status if "@" not in stage} == {"report", "weights"}  # which look at every new params.yaml
    status = {stage: changes for stage, changes in status.items() if "@" in stage}
    read = {}  # by stage, the params that it reads and that changed
    for stage, changes in status.items():
        dependencies = [change["changed deps"] for change in changes if "changed deps" in change]
        read.setdefault(stage.split("@")[0], set()).update(*(deps.get("params.yaml", ()) for deps in dependencies))
    assert read == {
        "patchify": {"augment"},
        "evaluate": {"inference"},
        "train-unet": {"augment"},  # of which each epoch may draw anew
        "train-vgg16": {"augment", "vgg16.dropout"},
        "train-attn-resunet": {"augment", "attn_resunet.dropout"},
    }
    project.restore()


def test_wrong_params_are_a_line_each_and_nothing_is_lost(project):
    model = (project.root / "models/polyps/unet.keras").read_bytes()
    result = project.dvc("exp", "run", "-S", "train.epochs=0", "-S", "train.lr=fast", "train-unet@polyps", check=False)
    assert result.returncode != 0
    output = result.stdout + result.stderr
    assert "train.epochs: expected at least 1, received 0" in output
    assert "train.lr: expected a number" in output
    assert "Traceback" not in output
    project.restore()
    project.dvc("checkout", "-q")
    assert (project.root / "models/polyps/unet.keras").read_bytes() == model


def test_queued_experiments(project):
    """They run in folders of their own, as one with `--temp` does."""
    project.dvc("exp", "run", "--queue", "-S", "train.lr=3e-3,4e-3", "train-unet@polyps")
    project.dvc("queue", "start", "-j", "2")
    for _ in range(120):
        status = project.dvc("queue", "status").stdout
        if "Queued" not in status and "Running" not in status:
            break
        time.sleep(10)  # asking without a break would keep a core busy
    assert status.count("Success") == 2, status
    table = project.dvc("exp", "show", "--csv").stdout
    assert {"0.003", "0.004"} <= set(table.replace("\n", ",").split(","))
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_predict_gives_what_evaluate_scored_beside_a_bad_image(project, tmp_path):
    scored = pd.read_csv(project.root / "reports/mitochondria/details/unet/per_image.csv")
    images = [str(project.root / f"data/raw/mitochondria/images/{name}.png") for name in scored["image"]]
    (tmp_path / "bad.png").write_bytes(b"no image")
    command = ["python", "-m", "pipeline.predict", "models/mitochondria/unet.keras", str(tmp_path / "bad.png"), *images]
    result = project.run(*command, "--out", str(tmp_path / "out"), check=False)
    assert result.returncode == 1
    assert "bad.png: cannot be read as an image" in result.stderr
    assert "Traceback" not in result.stderr
    for name, tp, fp in zip(scored["image"], scored["tp"], scored["fp"], strict=True):
        mask = tifffile.imread(tmp_path / "out" / f"{name}_mask.tif") > 0
        reference = read_mask(project.root / f"data/raw/mitochondria/masks/{name}.png")
        assert (int((mask & reference).sum()), int((mask & ~reference).sum())) == (tp, fp)


def test_predict_gives_the_classes_that_evaluate_found(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project.root)
    scored = pd.read_csv(project.root / "reports/tissue/details/vgg16/per_image.csv")[:5]
    images = [str(project.root / f"data/raw/tissue/images/{name}.png") for name in scored["image"]]
    predict.main(["models/tissue/vgg16.keras", *images, "--out", str(tmp_path / "out")])
    table = pd.read_csv(tmp_path / "out/predictions.csv")
    assert table["predicted"].tolist() == scored["predicted"].tolist()
