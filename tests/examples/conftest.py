"""What the tests of the example share."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.examples.demo import StartDemo, running_demo


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[StartDemo]:
    """`start_demo(DATABASE_URL=…)` starts the example; all that were started are stopped at the end."""
    with ExitStack() as running:
        yield lambda **environment: running.enter_context(running_demo(tmp_path, **environment))
