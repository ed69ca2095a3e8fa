"""The recipes: what an application lists in `recipe_list`, what hooks and overrides are given, what recipes raise."""

from watchword.accounts.errors import (
    AccountBanned,
    IdMappingExists,
    LastLoginMethod,
    TenantNotFound,
    UserIdInUse,
    UserIdTaken,
)
from watchword.protection.errors import ChallengeFailed, SignInStopped, TooManyRequests
from watchword.protection.pwned_passwords import PwnedPasswords
from watchword.recipes.api import Answer, ApiRequest
from watchword.recipes.emailpassword.errors import PasswordResetTokenInvalid, WrongCredentials
from watchword.recipes.emailpassword.form_fields import InputFormField
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.emailverification.claim import EmailVerificationClaim
from watchword.recipes.emailverification.errors import EmailAlreadyVerified, EmailVerificationTokenInvalid
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
from watchword.recipes.thirdparty.errors import IdentityTaken, NoEmailGivenByProvider, ProviderFailed
from watchword.recipes.thirdparty.functions import SignInUpResult
from watchword.recipes.thirdparty.recipe import ThirdParty
from watchword.recipes.thirdpartyemailpassword.recipe import ThirdPartyEmailPassword
from watchword.recipes.user_context import UserContext
from watchword.recipes.userroles.errors import RoleNotFound
from watchword.recipes.userroles.recipe import UserRoles
from watchword.sessions.claims import BooleanClaim, ClaimValidator, PrimitiveArrayClaim, PrimitiveClaim, SessionClaim
from watchword.sessions.errors import (
    ClaimFailure,
    InvalidClaims,
    SessionNotFound,
    TokenTheftDetected,
    TryRefreshToken,
    Unauthorised,
)
from watchword.sessions.settings import SessionSettings

__all__ = [
    "AccountBanned",
    "Action",
    "Answer",
    "ApiRequest",
    "BooleanClaim",
    "ChallengeFailed",
    "ClaimFailure",
    "ClaimValidator",
    "EmailAlreadyVerified",
    "EmailPassword",
    "EmailPasswordContext",
    "EmailVerification",
    "EmailVerificationClaim",
    "EmailVerificationTokenInvalid",
    "FormField",
    "Health",
    "IdMappingExists",
    "IdentityTaken",
    "InputFormField",
    "InvalidClaims",
    "LastLoginMethod",
    "NoEmailGivenByProvider",
    "PasswordPolicy",
    "PasswordResetTokenInvalid",
    "PrimitiveArrayClaim",
    "PrimitiveClaim",
    "ProviderFailed",
    "PwnedPasswords",
    "RoleNotFound",
    "Session",
    "SessionClaim",
    "SessionFeature",
    "SessionNotFound",
    "SessionSettings",
    "SignInContext",
    "SignInStopped",
    "SignInUpResult",
    "TenantNotFound",
    "ThirdParty",
    "ThirdPartyContext",
    "ThirdPartyEmailPassword",
    "TokenTheftDetected",
    "TooManyRequests",
    "TryRefreshToken",
    "Unauthorised",
    "UserContext",
    "UserIdInUse",
    "UserIdTaken",
    "UserRoles",
    "WrongCredentials",
]
