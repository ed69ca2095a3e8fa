"""Django with django-allauth, headless, on the same server as all others."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.contenders.django_allauth.settings"

from django.core.asgi import get_asgi_application
from django.core.management import call_command

from benchmarks.contenders.serving import serve

if __name__ == "__main__":
    app = get_asgi_application()
    call_command("migrate", verbosity=0)
    serve(app, lifespan="off")
