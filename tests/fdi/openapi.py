"""The description of our HTTP interface, `docs/fdi.openapi.yaml`, for tests that compare the product with it."""

from pathlib import Path
from typing import Any

import yaml

DESCRIPTION = Path(__file__).parents[2] / "docs" / "fdi.openapi.yaml"


def read_description() -> dict[str, Any]:
    """The file, each path's reference followed, so that tools need not know what may stand beside a `$ref`."""
    description = yaml.safe_load(DESCRIPTION.read_text())
    shared = description["components"].pop("pathItems")
    for path, item in description["paths"].items():
        name = item.pop("$ref").rsplit("/", 1)[1]
        description["paths"][path] = shared[name] | item
    return description


def operations(description: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What the description says about each method and path."""
    return {
        (method.upper(), path): operation
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }
