"""What Django has to know of {{name}}. Add your apps and databases; Watchword needs none of them."""

from urllib.parse import urlsplit

from sign_in import ORIGIN

ALLOWED_HOSTS = [urlsplit(ORIGIN).hostname, "localhost"]
MIDDLEWARE = ["middleware.watchword", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "urls"
