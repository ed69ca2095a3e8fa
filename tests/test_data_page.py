"""The page on what is stored is what the declarations say; those are held against the schema elsewhere."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    """After a change of a table: `scripts/data-page`."""
    done = subprocess.run(
        [sys.executable, "scripts/data_page.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "data.md").read_text() == done.stdout
