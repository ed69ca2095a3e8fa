"""Watchword: self-hosted sign-in and sessions for Python.

Here stands what `Watchword(…)` takes and what `auth.…` gives; recipes and their errors in `watchword.recipes`, errors
of several rooms in `watchword.errors`, frameworks in `watchword.frameworks`. Every other module may move.
"""

from watchword.accounts.email import normalise_email, verify_email
from watchword.accounts.id_mappings import IdMapping
from watchword.accounts.sign_ups import SignUps
from watchword.accounts.tenants import Tenant
from watchword.accounts.users import Ban, LoginMethod, ThirdPartyIdentity, User
from watchword.app import Watchword
from watchword.audit.rows import AuditEvent
from watchword.audit.settings import AuditSettings
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database, postgres_url
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import Mail, RenderedMail
from watchword.delivery.service import ConsoleService, DeliveryFailed, DeliveryRefused, EmailService
from watchword.delivery.sms import RenderedSms, Sms
from watchword.delivery.sms_delivery import ConsoleSmsService, SmsDelivery, SmsService
from watchword.delivery.sms_services import HttpSmsService, TwilioService
from watchword.delivery.smtp import SmtpService
from watchword.http.client import OutgoingClient
from watchword.ids import RandomIds
from watchword.protection.challenge import Challenge, HCaptcha, Turnstile
from watchword.protection.settings import Limit, Protection
from watchword.recipes.users.reading import UserPage
from watchword.sessions.information import SessionInformation
from watchword.sessions.session import SessionContainer
from watchword.settings import AppInfo
from watchword.telemetry.hooks import HookLimits
from watchword.telemetry.json_lines import JsonFormatter
from watchword.telemetry.request_ids import find_request_id
from watchword.telemetry.telemetry import Telemetry

__all__ = [
    "AppInfo",
    "AuditEvent",
    "AuditSettings",
    "Ban",
    "Challenge",
    "ConsoleService",
    "ConsoleSmsService",
    "DeliveryFailed",
    "DeliveryRefused",
    "EmailDelivery",
    "EmailService",
    "HCaptcha",
    "HookLimits",
    "HttpSmsService",
    "IdMapping",
    "JsonFormatter",
    "Limit",
    "LoginMethod",
    "Mail",
    "OutgoingClient",
    "PasswordHasher",
    "Protection",
    "RandomIds",
    "RenderedMail",
    "RenderedSms",
    "SessionContainer",
    "SessionInformation",
    "SignUps",
    "Sms",
    "SmsDelivery",
    "SmsService",
    "SmtpService",
    "Telemetry",
    "Tenant",
    "ThirdPartyIdentity",
    "Turnstile",
    "TwilioService",
    "User",
    "UserPage",
    "Watchword",
    "find_request_id",
    "normalise_email",
    "open_database",
    "postgres_url",
    "verify_email",
]
