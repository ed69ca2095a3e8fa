"""FastAPI with nothing installed: what a route costs before anybody asks who calls."""
