"""The recipe that offers passwords and providers side by side, behind one configuration."""

from collections.abc import Sequence
from typing import Any, ClassVar

from watchword.recipes.emailpassword.form_fields import InputFormField
from watchword.recipes.emailpassword.password_policy import PasswordPolicy
from watchword.recipes.emailpassword.recipe import EmailPassword
from watchword.recipes.session_feature import SessionFeature
from watchword.recipes.thirdparty.providers import Provider
from watchword.recipes.thirdparty.recipe import ThirdParty
from watchword.stored_data import StoredTable


class ThirdPartyEmailPassword(EmailPassword, ThirdParty):
    """Everything of `EmailPassword` and of `ThirdParty`, with one set of hooks.

    Subclass it to change what either part does: `sign_up` and `sign_in` are for passwords, `sign_in_up` is
    for providers, `check_sign_up` decides about newcomers of both. Somebody who uses both with one address is
    two users: there is no account linking. Without providers their routes exist all the same and answer 400
    (FDI 14, 19).

    Args:
        providers: See `ThirdParty`.
        form_fields: See `EmailPassword`.
        password_policy: See `EmailPassword`.
        password_reset_token_life_ms: See `EmailPassword`.
        revoke_sessions_on_password_reset: See `EmailPassword`.
        redirect_uris: See `ThirdParty`.
        session_feature: The two hooks that fill each new session, for both ways to sign in.
        disabled_apis: Names of HTTP APIs of either part to switch off.

    Raises:
        ConfigurationError: As the two parts do.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = (
        "thirdpartyemailpassword",  # what clients before FDI 2.0 send
        *EmailPassword.recipe_ids,
        *ThirdParty.recipe_ids,
    )
    migration_packages: ClassVar[tuple[str, ...]] = (
        *EmailPassword.migration_packages,
        *ThirdParty.migration_packages,
    )
    stored_tables: ClassVar[tuple[StoredTable, ...]] = (*EmailPassword.stored_tables, *ThirdParty.stored_tables)

    def __init__(
        self,
        *,
        providers: Sequence[Provider] = (),
        form_fields: Sequence[InputFormField] = (),
        password_policy: PasswordPolicy | None = None,
        password_reset_token_life_ms: int = 3_600_000,
        revoke_sessions_on_password_reset: bool = True,
        redirect_uris: Sequence[str] = (),
        session_feature: SessionFeature | None = None,
        disabled_apis: Sequence[str] = (),
    ) -> None:
        of_third_party: dict[str, Any] = {"providers": providers, "redirect_uris": redirect_uris}
        super().__init__(
            form_fields=form_fields,
            password_policy=password_policy,
            password_reset_token_life_ms=password_reset_token_life_ms,
            revoke_sessions_on_password_reset=revoke_sessions_on_password_reset,
            session_feature=session_feature,
            disabled_apis=disabled_apis,
            **of_third_party,
        )
