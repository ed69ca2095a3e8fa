"""What `settings.py` names first: the routes under /auth of {{name}}, cookies, CORS, error answers."""

from sign_in import auth

from watchword.frameworks.django import middleware

watchword = middleware(auth)
