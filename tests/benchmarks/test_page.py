"""The page and the picture are what the script makes of the figures that are kept, and the figures decide the words."""

import copy
from xml.etree import ElementTree

import pytest

from benchmarks.page import PAGE, PICTURE, page_of
from benchmarks.picture import picture_of
from benchmarks.results import LATEST, Results
from benchmarks.targets import OWN, compare, list_targets


@pytest.fixture
def kept() -> Results:
    """The figures of the repository."""
    return Results.read(LATEST)


def test_the_page_and_the_picture_are_those_of_the_figures(kept: Results) -> None:
    """Nobody edits a figure by hand: `python -m benchmarks --page` writes what is in the repository."""
    assert PAGE.read_text() == page_of(kept)
    assert PICTURE.read_text() == picture_of(kept)


def test_the_picture_is_well_formed_and_says_in_words_what_it_shows(kept: Results) -> None:
    """A person who cannot see it hears the figures; both colour schemes are there."""
    picture = picture_of(kept)
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own
    words = {element.tag.rpartition("}")[2]: element.text or "" for element in root}
    assert OWN in words["desc"]
    assert "milliseconds" in words["title"]
    assert "prefers-color-scheme:dark" in picture


def test_every_name_and_figure_is_kept_apart_from_markup(kept: Results) -> None:
    """A name with markup in it cannot break the picture."""
    strange = copy.deepcopy(kept)
    strange.contenders["<b>&"] = strange.contenders[OWN]
    strange.http["<b>&|sqlite|sign_in"] = strange.http[f"{OWN}|sqlite|sign_in"]
    ElementTree.fromstring(picture_of(strange))  # noqa: S314 - our own


def test_a_target_that_is_missed_is_said_to_be_missed(kept: Results) -> None:
    """Slower figures turn yes into no, and a peer that is ahead is named."""
    slow = copy.deepcopy(kept)
    slow.verify["cached_us"] = [10.1] * 3
    for operation in ("verify", "sign_in"):
        costs = slow.http[f"{OWN}|sqlite|{operation}"]
        costs["cpu_ms"] = [cost * 1000 for cost in costs["cpu_ms"]]
    missed = {target.what for target in list_targets(slow) if not target.is_reached}
    assert "verify a token seen before" in missed
    assert "ahead of every peer in every operation" in missed
    assert "the same route without and with a session, SQLite" in missed
    behind = [one for one in compare(slow) if one.times.median < 1]
    assert behind
    assert f"**{behind[0].peer}** needs" in page_of(slow)


def test_the_kept_figures_name_what_they_were_measured_on(kept: Results) -> None:
    """Machine, versions, form, day and load stand beside the figures."""
    page = page_of(kept)
    assert all(str(kept.about[name]) in page for name in ("processor", "python", "node", "postgres", "day", "commit"))
    assert "make bench" in page
