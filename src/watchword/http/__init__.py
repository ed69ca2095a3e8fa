"""Requests as plain data, JSON, sites, and the client that asks other servers."""
