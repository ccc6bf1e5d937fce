"""The example notebook runs from top to bottom, on the model of the small run."""

import nbformat
from nbclient import NotebookClient


def test_the_notebook_runs(project):
    notebook = nbformat.read("docs/predict.ipynb", as_version=4)
    # Its kernel is the Python of the tests; it starts beside the notebook, as Jupyter does.
    beside = {"metadata": {"path": project.root / "docs"}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=beside).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("area_um2" in output.get("data", {}).get("text/html", "") for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)
