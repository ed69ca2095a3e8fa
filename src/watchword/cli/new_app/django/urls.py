"""The views of {{name}}."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from sign_in import FOLDER, auth

from watchword import SessionContainer
from watchword.frameworks.django import verify_session


@verify_session(auth)
async def me(request: HttpRequest, session: SessionContainer) -> JsonResponse:
    """A view for whoever is signed in; nobody else gets here."""
    user = await auth.users.get(session.user_id)
    data = await session.get_session_data()
    return JsonResponse({"email": user.email, "payload": session.jwt_payload, "data": data})


async def page(request: HttpRequest) -> HttpResponse:
    """The one page, also where the link for a forgotten password leads."""
    return HttpResponse((FOLDER / "index.html").read_bytes())


urlpatterns = [path("api/me", me), path("", page), path("auth/reset-password", page)]
