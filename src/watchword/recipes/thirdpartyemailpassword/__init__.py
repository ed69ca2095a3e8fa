"""Passwords and providers side by side, behind one configuration."""
