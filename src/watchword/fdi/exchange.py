"""One request and what its response must say about tokens; it travels in the ASGI scope."""

from watchword.fdi.cookies import CookiePolicy
from watchword.fdi.transport import TokenWriter
from watchword.fdi.versions import Version, negotiate
from watchword.http.messages import HttpRequest
from watchword.recipes.user_context import UserContext


class Exchange:
    """What one HTTP exchange carries from the middleware to the handler and back.

    Every request has one and most never look into it, so its parts are made when they are asked for.

    Args:
        request: The request without its body.
        policy: Cookie attributes and domains.
    """

    __slots__ = ("_policy", "_user_context", "_writer", "request")

    def __init__(self, request: HttpRequest, policy: CookiePolicy) -> None:
        self.request = request
        self._policy = policy
        self._writer: TokenWriter | None = None
        self._user_context: UserContext | None = None

    @property
    def writer(self) -> TokenWriter:
        """Collects the tokens that the response must set or clear."""
        if self._writer is None:
            self._writer = TokenWriter(self._policy, self.request)
        return self._writer

    @property
    def is_silent(self) -> bool:
        """Whether the response says nothing about tokens."""
        return self._writer is None or self._writer.is_silent

    @property
    def version(self) -> Version:
        """The FDI version to answer in."""
        return negotiate(self.request.header("fdi-version"))

    @property
    def user_context(self) -> UserContext:
        """The application's own values for this request, and the request itself under `request`."""
        if self._user_context is None:
            self._user_context = {"request": self.request}
        return self._user_context
