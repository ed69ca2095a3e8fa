"""The site in Django: its settings, its views, and its two ways of being served."""

import json
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from tests.frameworks.sites.shared import make_auth
from watchword import SessionContainer
from watchword.frameworks.django import create_session, lifespan, middleware, verify_session

auth = make_auth()
watchword = middleware(auth)

settings.configure(
    SECRET_KEY="a key of this test's",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        f"{__name__}.watchword",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
)
django.setup()


@method_decorator(verify_session(auth), name="dispatch")
class Me(View):
    """A view that is a class."""

    def get(self, request: HttpRequest, session: SessionContainer) -> JsonResponse:
        return JsonResponse({"userId": session.user_id, "payload": session.jwt_payload})


@verify_session(auth, session_required=False)
async def maybe(request: HttpRequest, session: SessionContainer | None) -> JsonResponse:
    return JsonResponse({"userId": None if session is None else session.user_id})


@csrf_exempt
@verify_session(auth)
def change(request: HttpRequest, session: SessionContainer) -> JsonResponse:
    changes: dict[str, Any] = json.loads(request.body)
    auth.run(session.merge_into_jwt_payload(changes))
    auth.run(session.merge_into_session_data(changes))
    return JsonResponse({"payload": session.jwt_payload, "data": auth.run(session.get_session_data())})


@csrf_exempt
def login(request: HttpRequest) -> JsonResponse:
    session = create_session(auth, request, **json.loads(request.body))
    return JsonResponse({"handle": session.handle})


urlpatterns = [path("me", Me.as_view()), path("maybe", maybe), path("change", change), path("login", login)]

from django.core.asgi import get_asgi_application  # noqa: E402 - the settings come first
from django.core.wsgi import get_wsgi_application  # noqa: E402

wsgi = get_wsgi_application()
asgi = lifespan(get_asgi_application(), auth)
