"""What the tests of the example share."""

from collections.abc import Iterator

import pytest

from tests.examples.demo import Demo, running_demo


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One running example on SQLite, as `make demo` starts it; each test brings its own people."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo
