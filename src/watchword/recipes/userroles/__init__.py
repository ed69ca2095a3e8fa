"""Roles, the permissions in them, and who has which in which tenant."""
