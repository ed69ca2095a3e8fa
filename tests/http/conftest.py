"""The certificate authority of the run."""

import pytest

from tests.http.outside import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority whose file the client is told to trust."""
    return Authority(tmp_path_factory.mktemp("authority"))
