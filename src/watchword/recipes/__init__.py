"""The recipes: what an application lists in `recipe_list`, and what their hooks and overrides are given."""

from watchword.protection.pwned_passwords import PwnedPasswords
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.emailpassword.form_fields import InputFormField
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.emailverification.claim import EmailVerificationClaim
from watchword.recipes.emailverification.recipe import EmailVerification
from watchword.recipes.health.recipe import Health
from watchword.recipes.session.recipe import Session
from watchword.recipes.session_feature import (
    Action,
    EmailPasswordContext,
    FormField,
    SessionFeature,
    SignInContext,
    ThirdPartyContext,
)
from watchword.recipes.thirdparty.recipe import SignInUpResult, ThirdParty
from watchword.recipes.thirdpartyemailpassword.recipe import ThirdPartyEmailPassword
from watchword.recipes.user_context import UserContext
from watchword.recipes.userroles.operations import UnknownRole
from watchword.recipes.userroles.recipe import UserRoles
from watchword.sessions.claims import BooleanClaim, ClaimValidator, PrimitiveArrayClaim, PrimitiveClaim, SessionClaim
from watchword.sessions.settings import SessionSettings

__all__ = [
    "Action",
    "Answer",
    "ApiRequest",
    "BooleanClaim",
    "ClaimValidator",
    "EmailPassword",
    "EmailPasswordContext",
    "EmailVerification",
    "EmailVerificationClaim",
    "FormField",
    "Health",
    "InputFormField",
    "PasswordPolicy",
    "PrimitiveArrayClaim",
    "PrimitiveClaim",
    "PwnedPasswords",
    "Session",
    "SessionClaim",
    "SessionFeature",
    "SessionSettings",
    "SignInContext",
    "SignInUpResult",
    "ThirdParty",
    "ThirdPartyContext",
    "ThirdPartyEmailPassword",
    "UnknownRole",
    "UserContext",
    "UserRoles",
]
