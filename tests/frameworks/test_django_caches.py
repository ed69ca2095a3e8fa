"""What Django keeps of a view with a session: nothing that it would give to somebody else."""

from typing import Any

import pytest
from django.conf import settings
from django.http import JsonResponse
from django.test import RequestFactory
from django.views.decorators.cache import cache_page

from tests.frameworks.conftest import Own
from watchword import SessionContainer
from watchword.errors import WatchwordError
from watchword.frameworks.django import create_session, middleware, verify_session

if not settings.configured:
    settings.configure(SECRET_KEY="a key of this test's", ALLOWED_HOSTS=["localhost"])

BROWSER = RequestFactory(headers={"host": "localhost"})


@pytest.mark.parametrize("is_optional", [False, True])
def test_a_page_that_was_cached_for_one_person_is_shown_to_no_other(own: Own, is_optional: bool) -> None:
    """Attack: ask for a view with a session after somebody else did, where the application caches its pages.

    Django's own sessions say in `Vary` that they were looked at; without that one answer is everybody's.
    """
    auth = own.auth

    @cache_page(60)
    @verify_session(auth, session_required=not is_optional)
    def me(_request: Any, session: SessionContainer | None) -> JsonResponse:
        return JsonResponse({"userId": None if session is None else session.user_id})

    def login(request: Any) -> JsonResponse:
        create_session(auth, request, user_id="ada")
        return JsonResponse({})

    token: str = middleware(auth)(login)(BROWSER.post("/login"))["st-access-token"]  # type: ignore[index]
    site = middleware(auth)(me)
    hers: Any = site(BROWSER.get("/me", headers={"authorization": f"Bearer {token}"}))
    assert b'{"userId": "ada"}' == hers.content
    assert "private" in hers["cache-control"]
    assert {"Cookie", "Authorization"} <= set(hers["vary"].split(", "))
    if is_optional:
        assert b'{"userId": null}' == site(BROWSER.get("/me")).content  # type: ignore[union-attr]
        return
    with pytest.raises(WatchwordError):
        site(BROWSER.get("/me"))
