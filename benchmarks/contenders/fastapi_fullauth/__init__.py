"""fastapi-fullauth."""
