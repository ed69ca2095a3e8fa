"""Watchword: self-hosted sign-in and sessions for Python."""

from watchword.accounts.users import User
from watchword.app import Watchword
from watchword.protection.settings import Limit, Protection
from watchword.sessions.session import SessionContainer
from watchword.settings import AppInfo

__all__ = ["AppInfo", "Limit", "Protection", "SessionContainer", "User", "Watchword"]
