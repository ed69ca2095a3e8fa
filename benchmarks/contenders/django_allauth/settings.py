"""Settings of Django as `startproject` writes them where they matter, and of django-allauth."""

import os

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.auth.hashers import Argon2PasswordHasher

from benchmarks.contenders.serving import (
    HASH_ITERATIONS,
    HASH_LANES,
    HASH_MEMORY_KIB,
    SECRET,
    database_kind,
    database_url,
    sqlite_path,
)


class EqualHasher(Argon2PasswordHasher):
    """The hash that all contenders get."""

    time_cost = HASH_ITERATIONS
    memory_cost = HASH_MEMORY_KIB
    parallelism = HASH_LANES


SECRET_KEY = SECRET
DEBUG = False
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "benchmarks.contenders.django_allauth.routes"
PASSWORD_HASHERS = [f"{__name__}.EqualHasher"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.headless",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

if database_kind() == "sqlite":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": sqlite_path(),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000",
            },
        }
    }
else:
    address = database_url().removeprefix("postgresql://")
    user, _, rest = address.partition("@")
    place, _, name = rest.partition("/")
    host, _, port = place.partition(":")
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": user,
            "HOST": host,
            "PORT": port,
            "OPTIONS": {"pool": True},
        }
    }

EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = dict.fromkeys(("login", "signup", "login_failed"), "100000000/m/ip")
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"
HEADLESS_JWT_PRIVATE_KEY = os.environ.setdefault(
    "BENCH_JWT_KEY",
    generate_private_key(65_537, 2_048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
)
