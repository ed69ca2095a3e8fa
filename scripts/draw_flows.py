"""Draw the pictures of docs/how-it-works.md into docs/images: who tells whom what, from top to bottom.

Run it after changing a flow: `python scripts/draw_flows.py`. A test compares the files with what this draws.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LANE, HEAD, STEP, MARGIN = 280, 92, 46, 28
INK, QUIET, ACCENT, PAPER, BOX, LINE = "#1d2330", "#4d5564", "#1f5f5b", "#f7f6f2", "#dcebe9", "#b9cfcb"


@dataclass(frozen=True)
class Say:
    """One message from a lane to another; `back` for an answer."""

    sender: int
    receiver: int
    text: str
    back: bool = False


@dataclass(frozen=True)
class Think:
    """What happens inside a lane; `accent` for what matters most."""

    lane: int
    text: str
    accent: bool = False


@dataclass(frozen=True)
class Flow:
    """One picture.

    Attributes:
        title: What it shows.
        told: The same in words, for people who do not see it.
        lanes: Who takes part: a name, and a word about it.
        steps: In order.
    """

    title: str
    told: str
    lanes: tuple[tuple[str, str], ...]
    steps: tuple[Say | Think, ...]


BROWSER = ("Browser", "your page, or an app")
PROCESS = ("Your process", "your routes and Watchword")
DATABASE = ("Database", "SQLite or PostgreSQL")

FLOWS = {
    "flow-sign-in": Flow(
        "Signing in",
        "The browser sends address and password. The process counts the try, reads the user and compares the hash, "
        "calls your two hooks, stores the session in one transaction, and answers with two tokens.",
        (BROWSER, PROCESS, DATABASE),
        (
            Say(0, 1, "POST /auth/signin: address, password"),
            Say(1, 2, "counts the try, reads the user"),
            Think(1, "compares the hash, beside the event loop"),
            Think(1, "set_jwt_payload, set_session_data: yours", accent=True),
            Say(1, 2, "stores handle, data, hash of the token"),
            Say(1, 0, "access token, with the payload, for an hour", back=True),
            Say(1, 0, "refresh token, for its own path only", back=True),
        ),
    ),
    "flow-request": Flow(
        "A request, and a refresh",
        "A request with an access token is verified in memory, without the database. An hour later it is refused with "
        "401; the client refreshes, which costs one row at most, and asks again.",
        (BROWSER, PROCESS, DATABASE),
        (
            Say(0, 1, "GET /me, access token"),
            Think(1, "signature, expiry, not revoked: in memory", accent=True),
            Say(1, 0, "200", back=True),
            Think(0, "an hour later"),
            Say(0, 1, "GET /me, access token"),
            Say(1, 0, "401 try refresh token", back=True),
            Say(0, 1, "POST /auth/session/refresh, refresh token"),
            Say(1, 2, "reads or changes one row"),
            Say(1, 0, "a new access token, now and then both", back=True),
            Say(0, 1, "GET /me once more; nobody notices"),
        ),
    ),
    "flow-provider": Flow(
        "Signing in with a provider",
        "The page asks where to go, the person agrees at the provider and comes back with a code, which is of use only "
        "together with the secret that the page kept. The process exchanges it, verifies who it is, starts a session.",
        (BROWSER, PROCESS, ("Provider", "Google, GitHub, your own"), DATABASE),
        (
            Say(0, 1, "GET /auth/authorisationurl"),
            Say(1, 0, "an address, and a secret of this attempt", back=True),
            Say(0, 2, "the person signs in there and agrees"),
            Say(2, 0, "back to /auth/callback/google, with a code", back=True),
            Say(0, 1, "POST /auth/signinup: code and secret"),
            Say(1, 2, "the code for tokens"),
            Think(1, "signature, issuer, audience, nonce: verified", accent=True),
            Think(1, "may somebody new sign up? your hooks"),
            Say(1, 3, "finds or makes the user, stores the session"),
            Say(1, 0, "access token and refresh token", back=True),
        ),
    ),
    "flow-theft": Flow(
        "A stolen refresh token",
        "A thief has copied the refresh token A. Whoever refreshes with it gets a child of their own. When the owner's "
        "child comes back it is the current token, and the thief's shows that there are two: the session ends.",
        (("The owner", "a browser"), PROCESS, ("A thief", "with a copy of the token")),
        (
            Think(2, "copies the refresh token A"),
            Say(2, 1, "refresh with A"),
            Say(1, 2, "a child of A: B", back=True),
            Say(0, 1, "refresh with A, as ever"),
            Say(1, 0, "another child of A: C", back=True),
            Say(0, 1, "refresh with C: C is the current token now"),
            Say(2, 1, "refresh with B"),
            Think(1, "two lines: two holders", accent=True),
            Say(1, 2, "401, the session is gone", back=True),
            Say(1, 0, "401 at the next request: sign in again", back=True),
        ),
    ),
}


def draw(flow: Flow) -> str:
    """The picture as SVG."""
    width, height = MARGIN * 2 + LANE * len(flow.lanes), HEAD + STEP * len(flow.steps) + 24
    attributes = 'role="img" aria-labelledby="t d" font-family="system-ui, sans-serif"'
    arrow = 'viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {attributes}>',
        f'<title id="t">{escape(flow.title)}</title>',
        f'<desc id="d">{escape(flow.told)}</desc>',
        f'<defs><marker id="a" {arrow}><path d="M0 0 L8 4 L0 8 Z" fill="{INK}"/></marker></defs>',
        f'<rect width="{width}" height="{height}" rx="16" fill="{PAPER}"/>',
    ]
    for number, (name, about) in enumerate(flow.lanes):
        x = middle(number)
        parts += [
            f'<line x1="{x}" y1="76" x2="{x}" y2="{height - 16}" stroke="{LINE}" stroke-width="2"/>',
            f'<rect x="{x - 100}" y="20" width="200" height="56" rx="10" fill="{BOX}" stroke="{LINE}"/>',
            text(x, 44, name, size=15, weight=700),
            text(x, 64, about, size=12, fill=QUIET),
        ]
    for number, step in enumerate(flow.steps):
        y = HEAD + STEP * number + 30
        parts += message(step, y) if isinstance(step, Say) else thought(step, y)
    return "\n".join([*parts, "</svg>", ""])


def middle(lane: int) -> int:
    """Where the line of a lane is."""
    return MARGIN + LANE * lane + LANE // 2


def message(step: Say, y: int) -> list[str]:
    """An arrow with its words above."""
    start, end = middle(step.sender), middle(step.receiver)
    inset = 4 if end > start else -4
    dashes = ' stroke-dasharray="6 4"' if step.back else ""
    # The words stand over the part of the arrow that is next to whoever sends it, so that two lanes can be crossed.
    x = start + (LANE // 2 if end > start else -LANE // 2)
    line = f'<line x1="{start + inset}" y1="{y}" x2="{end - inset}" y2="{y}" stroke="{INK}" stroke-width="1.5"'
    return [words(x, y - 9, step.text), f'{line}{dashes} marker-end="url(#a)"/>']


def thought(step: Think, y: int) -> list[str]:
    """A box on the line of a lane."""
    x, fill = middle(step.lane), ACCENT if step.accent else "#ffffff"
    wide = round(len(step.text) * 6.4) + 24
    return [
        f'<rect x="{x - wide // 2}" y="{y - 21}" width="{wide}" height="28" rx="8" fill="{fill}" stroke="{LINE}"/>',
        text(x, y - 2, step.text, size=12, fill="#ffffff" if step.accent else INK),
    ]


def words(x: int, y: int, content: str) -> str:
    """Words on a patch of paper, so that the line of a lane does not cross them."""
    wide = round(len(content) * 6.1) + 8
    patch = f'<rect x="{x - wide // 2}" y="{y - 12}" width="{wide}" height="15" fill="{PAPER}"/>'
    return patch + text(x, y, content, size=12)


def text(x: int, y: int, content: str, *, size: int, weight: int = 400, fill: str = INK) -> str:
    """One line, in the middle."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="middle" fill="{fill}">'
        f"{escape(content)}</text>"
    )


if __name__ == "__main__":
    for name, flow in FLOWS.items():
        IMAGES.joinpath(f"{name}.svg").write_text(draw(flow))
