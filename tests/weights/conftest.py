"""The loopback server of the downloads' tests."""

from tests.datasets.conftest import server  # noqa: F401
