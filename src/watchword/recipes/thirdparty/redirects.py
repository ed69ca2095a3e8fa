"""Where a browser may be sent: the redirect URIs of each provider, and the way back from Apple.

Source: security OA-6, OA-12, RD-1.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from watchword.errors import BadInput, ConfigurationError
from watchword.nesting import nests_deeper_than
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.settings import AppInfo

_LOOPBACK = ("127.0.0.1", "::1")  # not localhost: a name may lead elsewhere (RFC 8252, section 8.3)
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
_SCHEMES_THAT_RUN = ("javascript", "data", "vbscript", "file", "about", "blob")


class RedirectUris:
    """The redirect URIs of one provider: an exact list, fixed at start.

    Args:
        app_info: Gives `{origin}{website_base_path}/callback/{id}` for every allowed origin, and the
            API's own callback, which providers post to.
        third_party_id: The provider. As no other has these URIs, a code that another provider sent to
            its own cannot be passed off here (mix-up; security OA-4).
        configured: Further ones, exact.
    """

    def __init__(self, app_info: AppInfo, third_party_id: str, configured: Sequence[str]) -> None:
        callback = f"/callback/{third_party_id}"
        self._exact = frozenset(
            (
                *(origin + app_info.website_base_path + callback for origin in app_info.allowed_origins),
                app_info.issuer + callback,
                *configured,
            )
        )
        self._loopback = frozenset(
            portless for portless in (_without_loopback_port(uri) for uri in configured) if portless is not None
        )

    def verify(self, redirect_uri: str, client: ProviderClient) -> str:
        """Return a redirect URI that is on the list; of a native client's loopback URI the port may vary.

        Raises:
            BadInput: It is not, to the letter.
        """
        if redirect_uri in self._exact:
            return redirect_uri
        if client.native and self._loopback and _without_loopback_port(redirect_uri) in self._loopback:
            return redirect_uri
        raise BadInput(
            "redirectURIOnProviderDashboard",
            "redirectURIOnProviderDashboard is not one of this provider's redirect URIs; if it is yours, name it in "
            "the setting redirect_uris",
        )


def check_redirect_uris(setting: str, uris: Sequence[str]) -> tuple[str, ...]:
    """Refuse at start what can never be an exact redirect URI.

    Raises:
        ConfigurationError: A relative one, one with a fragment, user info, a wildcard, blanks, or a scheme
            that runs code; or a single text in place of a list.
    """
    if isinstance(uris, str):
        raise ConfigurationError(setting, "is one text; write a list of URIs")
    for uri in uris:
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", uri) is None or re.search(r"[#*\\<>\"^`{|}]", uri):
            raise ConfigurationError(setting, f"{uri!r} is not an absolute URI without wildcard and fragment")
        parts = _split(uri)
        scheme = uri.split(":")[0].lower()
        if parts is None or scheme in _SCHEMES_THAT_RUN or "@" in parts.netloc:
            raise ConfigurationError(setting, f"{uri!r} cannot be a redirect URI")
        if scheme in ("http", "https") and not parts.hostname:
            raise ConfigurationError(setting, f"{uri!r} names no host")
    return tuple(uris)


def apple_redirect_target(app_info: AppInfo, form: Mapping[str, Any]) -> str:
    """Where the browser goes with what Apple posted: the URI that `state` names, all fields in its query.

    The state is the front end's own text in base64, not authenticated by anybody, so that the URI in it
    is only followed to an origin that is configured (security OA-12, RD-1; the SDKs do not check).

    Args:
        app_info: The allowed origins, and the default: the website's callback page for Apple.
        form: The fields of the form post.

    Raises:
        BadInput: No usable `state`, or it names a URI elsewhere.
    Source: FDI 8.3.
    """
    target = _read_state(form.get("state")).get("frontendRedirectURI")
    if target is None:
        target = f"{app_info.website_domain}{app_info.website_base_path}/callback/apple"
    origin, path, query = _on_allowed_origin(app_info, target)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in fields]
    # Rebuilt from its parts: what was checked is what is sent.
    return f"{origin}{quote(path, safe=_PATH_CHARACTERS)}?{urlencode(kept + list(fields.items()))}"


def _read_state(state: Any) -> dict[str, Any]:
    problem = BadInput("state", "Please provide the state that the front end made for this attempt")
    if not isinstance(state, str) or not 0 < len(state) <= 4096:
        raise problem
    try:
        data = base64.b64decode(state + "=" * (-len(state) % 4), altchars=None if "-" not in state else b"-_")
        value = None if nests_deeper_than(4, data) else msgspec.json.decode(data)
    except (binascii.Error, ValueError, RecursionError):
        raise problem from None
    if not isinstance(value, dict):
        raise problem
    return cast("dict[str, Any]", value)


def _on_allowed_origin(app_info: AppInfo, target: Any) -> tuple[str, str, str]:
    """Origin, path and query of a URI whose origin is allowed, with one reading only."""
    refused = BadInput("state", "the frontendRedirectURI in state is not on one of the application's origins")
    if not isinstance(target, str) or re.fullmatch(r"https?://[!-~]+", target) is None or "\\" in target:
        raise refused
    parts = _split(target)
    if parts is None or "@" in parts.netloc:
        raise refused
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin not in app_info.allowed_origins:
        raise refused
    return origin, parts.path or "/", parts.query


def _split(uri: str) -> Any:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _without_loopback_port(uri: str) -> str | None:
    """An http URI to a loopback address without its port; `None` for any other URI."""
    if re.fullmatch(r"http://[!-~]+", uri) is None or "\\" in uri:
        return None
    parts = _split(uri)
    if parts is None or parts.hostname not in _LOOPBACK or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}{uri.removeprefix('http://' + parts.netloc)}"
