"""Watchword: self-hosted sign-in and sessions for Python."""

from watchword.accounts.sign_ups import SignUps
from watchword.accounts.users import User
from watchword.app import Watchword
from watchword.audit.settings import AuditSettings
from watchword.protection.challenge import Challenge, HCaptcha, Turnstile
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
    "Challenge",
    "HCaptcha",
    "HookLimits",
    "JsonFormatter",
    "Limit",
    "Protection",
    "SessionContainer",
    "SignUps",
    "Telemetry",
    "Turnstile",
    "User",
    "Watchword",
    "find_request_id",
]
