"""{{name}}: people sign up, sign in, and see a page of their own. Start it with `python app.py`."""

import os

import uvicorn
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django = get_asgi_application()

from sign_in import PORT, auth  # noqa: E402 - the settings come first

from watchword.frameworks.django import lifespan  # noqa: E402 - beside the other

app = lifespan(django, auth)  # starts and stops with the server

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=PORT)
