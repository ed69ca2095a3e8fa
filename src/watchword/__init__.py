"""Watchword: self-hosted sign-in and sessions for Python."""

from watchword.accounts.users import User
from watchword.app import Watchword
from watchword.audit.settings import AuditSettings
from watchword.protection.settings import Limit, Protection
from watchword.sessions.session import SessionContainer
from watchword.settings import AppInfo
from watchword.telemetry.hooks import HookLimits
from watchword.telemetry.json_lines import JsonFormatter
from watchword.telemetry.request_ids import find_request_id
from watchword.telemetry.telemetry import Telemetry

__all__ = [
    "AppInfo",
    "AuditSettings",
    "HookLimits",
    "JsonFormatter",
    "Limit",
    "Protection",
    "SessionContainer",
    "Telemetry",
    "User",
    "Watchword",
    "find_request_id",
]
