"""Password hashes, seals and signed tokens; knows no domain words."""
