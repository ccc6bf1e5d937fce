"""How the tests are shared out between processes (`make test` runs two)."""

import pytest

# Tests of one group run in one process: those that share a project in which every stage has run, and else those of one file.
SHARED = {"test_run.py": "project", "test_sharing.py": "project"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "pipeline" not in item.path.parts)  # the long ones first
    for item in items:
        item.add_marker(pytest.mark.xdist_group(SHARED.get(item.path.name, str(item.path))))
