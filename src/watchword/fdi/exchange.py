"""One request and what its response must say about tokens; it travels in the ASGI scope."""

from dataclasses import dataclass, field

from watchword.fdi.transport import TokenWriter
from watchword.fdi.versions import Version
from watchword.http.messages import HttpRequest
from watchword.recipes.recipe import UserContext


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one HTTP exchange carries from the middleware to the handler and back.

    Attributes:
        request: The request without its body.
        writer: Collects the tokens that the response must set or clear.
        version: The FDI version to answer in.
        user_context: The application's own values for this request, and the request itself under `request`.
    """

    request: HttpRequest
    writer: TokenWriter
    version: Version
    user_context: UserContext = field(default_factory=UserContext)
