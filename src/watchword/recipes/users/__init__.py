"""People without a request: found, listed, banned, changed, exported and deleted, across all recipes."""
