"""Watchword itself, on FastAPI, with cookies as a browser has them."""
