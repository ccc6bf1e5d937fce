"""The project, installed: predictions from any folder."""

import shutil
import subprocess
import sys


def test_an_installed_project_predicts_from_anywhere(tmp_path):
    source = tmp_path / "source"
    shutil.copytree("pipeline", source / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("data", "models", "reports"):  # beside it in the real folder, and no packages
        (source / folder).mkdir()
    shutil.copy("pyproject.toml", source)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", tmp_path / "installed", source], check=True)
    installed = (tmp_path / "installed/pipeline").rglob("*.*")
    files = {file.relative_to(tmp_path / "installed") for file in installed if "__pycache__" not in file.parts}
    assert files == {file.relative_to(source) for file in (source / "pipeline").rglob("*.*")}
    known = {"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.predict", "--help"], cwd=tmp_path, env=known, capture_output=True, text=True
    )
    assert done.returncode == 0 and "models/<dataset>/<network>.keras" in done.stdout
