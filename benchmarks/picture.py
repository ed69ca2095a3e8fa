"""The picture of a run: six operations, one bar for each contender; the same figures always give the same bytes."""

from html import escape

from benchmarks.results import Results
from benchmarks.spread import Spread
from benchmarks.targets import COMPARED, FLOOR, OWN, PLAIN

WIDTH, PANEL_WIDTH, MARGIN, GAP = 960, 456, 16, 16
NAME_WIDTH, VALUE_WIDTH, BAR_HEIGHT, LINE = 150, 78, 14, 20
HEAD = 34
#: On its own ground, so that it reads the same on a light and on a dark page; darker where the page is dark.
STYLE = """
text{font:12px system-ui,sans-serif;fill:#1d2330}
.ground{fill:#f7f6f2}.panel{fill:#fff;stroke:#d9d6cc}.title{font-weight:700;font-size:14px}
.bar{fill:#a9b4b3}.own .bar{fill:#1f7a74}.own text{font-weight:700}.floor .bar{fill:#dfc98a}.value{fill:#4d5564}
@media (prefers-color-scheme:dark){
text{fill:#e6e8ea}.ground{fill:#14181c}.panel{fill:#1b2126;stroke:#313a41}.bar{fill:#5b6a70}
.own .bar{fill:#3fb8ae}.floor .bar{fill:#9c864a}.value{fill:#aab3b9}}
""".replace("\n", "")


def picture_of(results: Results) -> str:
    """An SVG: panels in two columns, bars to the scale of their panel."""
    panels = [(operation, _bars(results, operation)) for operation in COMPARED]
    rows = [panels[place : place + 2] for place in range(0, len(panels), 2)]
    top, drawn = MARGIN, []
    for row in rows:
        height = HEAD + LINE * max(len(bars) for _, bars in row) + 8
        for column, (operation, bars) in enumerate(row):
            drawn.append(_panel(MARGIN + column * (PANEL_WIDTH + GAP), top, height, COMPARED[operation], bars))
        top += height + GAP
    words = "; ".join(
        f"{COMPARED[operation]}: " + ", ".join(f"{name} {value:.2f} ms" for name, value in bars)
        for operation, bars in panels
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" aria-labelledby="t d">'
        f'<title id="t">CPU time of one operation over HTTP on SQLite, in milliseconds; shorter is better</title>'
        f'<desc id="d">{escape(words)}.</desc><style>{STYLE}</style>'
        f'<rect class="ground" width="{WIDTH}" height="{top}" rx="14"/>' + "".join(drawn) + "</svg>\n"
    )


def _bars(results: Results, operation: str) -> list[tuple[str, float]]:
    """Name and median of each contender that has the operation, Watchword first, then the cheapest."""
    found = {
        name: Spread.of(costs).median
        for name in results.contenders
        if name != PLAIN and (costs := results.find(name, "sqlite", operation))
    }
    return sorted(found.items(), key=lambda item: (item[0] != OWN, item[0] != FLOOR, item[1]))


def _panel(left: int, top: int, height: int, title: str, bars: list[tuple[str, float]]) -> str:
    room = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH - 16
    longest = max((value for _, value in bars), default=1.0)
    parts = [
        f'<rect class="panel" x="{left}" y="{top}" width="{PANEL_WIDTH}" height="{height}" rx="10"/>',
        f'<text class="title" x="{left + 12}" y="{top + 22}">{escape(title)}, ms of CPU</text>',
    ]
    for number, (name, value) in enumerate(bars):
        y = top + HEAD + number * LINE
        length = max(1.0, room * value / longest)
        kind = {OWN: "own", FLOOR: "floor"}.get(name, "peer")
        parts.append(
            f'<g class="{kind}"><text x="{left + 12}" y="{y + 11}">{escape(name)}</text>'
            f'<rect class="bar" x="{left + NAME_WIDTH + 8}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="3"/>'
            f'<text class="value" x="{left + NAME_WIDTH + 14 + length:.1f}" y="{y + 11}">{value:.2f}</text></g>'
        )
    return "".join(parts)
