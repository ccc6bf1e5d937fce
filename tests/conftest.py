"""The order of the tests: `make test` shares their files out between two processes."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "pipeline" not in item.path.parts)  # the long ones first
