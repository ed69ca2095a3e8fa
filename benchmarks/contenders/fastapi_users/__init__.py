"""fastapi-users, with each of the two strategies that its documentation offers without a further service."""
