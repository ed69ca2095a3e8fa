"""The pictures of the flows are those that the script draws, and can be read by people who do not see them. D169."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
PICTURES = sorted((ROOT / "docs" / "images").glob("*.svg"))


def test_the_pictures_are_what_the_script_draws() -> None:
    """Nobody has changed one by hand, and each stands in the document."""
    drawing = runpy.run_path(str(ROOT / "scripts" / "draw_flows.py"))
    page = (ROOT / "docs" / "how-it-works.md").read_text()
    for name, flow in drawing["FLOWS"].items():
        assert drawing["draw"](flow) == (ROOT / "docs" / "images" / f"{name}.svg").read_text(), (
            "run scripts/draw_flows.py"
        )
        assert re.search(rf"!\[[^\]]{{40,}}\]\(images/{name}\.svg\)", page)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_well_formed_and_told_in_words(picture: Path) -> None:
    """It parses, has a title and a description that are wired to it, and nothing sticks out of its frame."""
    root = ElementTree.fromstring(picture.read_text())  # noqa: S314 - our own file
    assert "img" == root.get("role")
    named = (root.get("aria-labelledby") or "").split()
    told = {element.get("id"): element.text or "" for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")}
    assert set(named) == set(told)
    assert all(len(words) > 8 for words in told.values())
    width, height = (float(number) for number in (root.get("viewBox") or "").split()[2:])
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x", "0")) <= width
        assert 0 <= float(text.get("y", "0")) <= height
