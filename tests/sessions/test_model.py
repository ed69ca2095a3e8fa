"""The exhaustive model check of the refresh rule, with the production rule in it. Source: security 4.2."""

from pathlib import Path

from tests.sessions.model.report import report

REPORT = Path(__file__).parent / "model" / "report.txt"


def test_every_reachable_state_holds_what_the_report_says() -> None:
    """PL-S keeps I1 to I12 in every world, each other scheme fails where it did, by the same shortest traces.

    A difference means that the rule, or the model, has changed its meaning: read it before printing anew.
    """
    lines: list[str] = []
    report(lines.append)

    assert REPORT.read_text().splitlines() == "".join(f"{line}\n" for line in lines).splitlines()
