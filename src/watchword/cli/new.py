"""`watchword new DIRECTORY`: a small application of one's own that runs at once, out of the files in `new_app/`."""

import os
import re
import secrets
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from watchword.cli.connection import typer
from watchword.errors import WatchwordError

TEMPLATES = Path(__file__).with_name("new_app")
_COMMON = "common"
_DOTTED = {"gitignore", "dockerignore"}  # files whose names start with a dot, where they are wanted


class CannotMake(WatchwordError):
    """The application was not made; nothing was written."""

    code = "cannot_make"


def new(
    directory: Annotated[Path, typer.Argument(help="Where it goes: a folder that is empty or not there.")],
    framework: Annotated[str, typer.Option(help="What it is built with.")] = "fastapi",
) -> None:
    """Make a small application that runs at once.

    It has sign-up, sign-in, a forgotten password, one page and a Dockerfile.
    """
    known = sorted({folder.name for folder in TEMPLATES.iterdir() if folder.is_dir()} - {_COMMON})
    if framework not in known:
        raise CannotMake(f"there is no application for {framework!r} yet; --framework can be {', '.join(known)}")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise CannotMake(f"{directory} is there and not empty; name another folder")
    directory.mkdir(parents=True, exist_ok=True)
    values = {"name": name_of(directory), "version": version("watchword"), "framework": framework}
    common, own = TEMPLATES.joinpath(_COMMON).iterdir(), TEMPLATES.joinpath(framework).iterdir()
    for template in {file.name: file for file in (*common, *own) if file.is_file()}.values():  # its own over the common
        name = f".{template.name}" if template.name in _DOTTED else template.name
        text = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template.read_text(encoding="utf-8"))
        directory.joinpath(name).write_text(text, encoding="utf-8")
    descriptor = os.open(directory / ".secret", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    steps = [f"cd {directory}", "python app.py"]
    if missing := list_missing(framework):
        steps.insert(0, f"pip install {' '.join(missing)}")
    typer.echo(f"{values['name']} is in {directory}. Start it:\n\n" + "".join(f"  {step}\n" for step in steps))


def list_missing(framework: str) -> list[str]:
    """What `app.py` imports besides Watchword and is not installed here; each is the name of its package too."""
    wanted = [framework] if framework == "flask" else [framework, "uvicorn"]  # Flask brings a server to try things out
    return [name for name in wanted if find_spec(name) is None]


def name_of(directory: Path) -> str:
    """What the application is called: the name of its folder as words, without what could end a text in its files."""
    words = re.sub(r"[^\w.]+|_", " ", directory.resolve().name).strip()
    return words[:1].upper() + words[1:] if words else "Demo"
