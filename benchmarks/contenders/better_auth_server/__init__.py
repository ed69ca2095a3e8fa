"""better-auth-server, the Python port of better-auth, on FastAPI."""
