"""The routes: allauth's, and the two that are measured."""

from collections.abc import Callable
from functools import wraps

from allauth.core.internal.httpkit import get_authorization_credential
from allauth.headless.tokens.strategies.jwt.internal import validate_access_token
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import include, path

View = Callable[[HttpRequest], HttpResponseBase]


def jwt_required(view: View) -> View:
    """What allauth's own guard for Django Ninja does, without Django Ninja."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        token = get_authorization_credential(request, "Bearer")
        found = validate_access_token(token) if token else None
        if found is None:
            return JsonResponse({}, status=401)
        request.user, request.token_payload = found
        return view(request)

    return guarded


def bare(_: HttpRequest) -> HttpResponseBase:
    """Answer anybody."""
    return JsonResponse({"user": "anybody"})


@jwt_required
def me(request: HttpRequest) -> HttpResponseBase:
    """Answer a user, from the token alone."""
    return JsonResponse({"user": request.token_payload["sub"]})


urlpatterns = [path("_allauth/", include("allauth.headless.urls")), path("bare", bare), path("me", me)]
