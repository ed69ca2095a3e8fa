"""The base of every provider: a whole sign-in, in steps that a subclass may replace one by one."""

import re
from typing import Any, cast

from watchword.crypto.jwt import InvalidToken
from watchword.errors import BadInput, GeneralError
from watchword.recipes.thirdparty.attempt import (
    AuthorisationUrl,
    RedirectUriInfo,
    challenge_of,
    is_token_text,
    new_verifier,
    nonce_of,
)
from watchword.recipes.thirdparty.documents import UnusableDocument
from watchword.recipes.thirdparty.endpoints import with_query
from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.id_token import (
    MAX_AGE_OF_BROUGHT_SECONDS,
    MAX_AGE_SECONDS,
    Expectation,
    UntrueToken,
    WrongNonce,
)
from watchword.recipes.thirdparty.openid import verify_with_published_keys
from watchword.recipes.thirdparty.providers.link import AccessTokenRefused, ProviderLink, present
from watchword.recipes.thirdparty.providers.settings import ProviderClient
from watchword.recipes.thirdparty.token_answers import basic, read_tokens
from watchword.recipes.thirdparty.user_info import (
    ProviderUserInfo,
    UnusableProfile,
    find_field,
    raw_user_info,
    read_email,
    read_user_id,
    read_verified,
)

UserContext = dict[str, Any]


class Provider(ProviderLink):
    """One provider. Most need nothing but other defaults; what follows no standard overrides a step.

    A sign-in calls `get_authorisation_url`; then, when the browser is back, `verify_callback`,
    `exchange_auth_code_for_oauth_tokens` and `get_user_info`. A mobile client that brings tokens of its
    own starts at the last. Overrides may call any provider of their own through `self.connection`.
    """

    async def get_authorisation_url(
        self,
        client: ProviderClient,
        redirect_uri: str,
        *,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> AuthorisationUrl:
        """Where the browser goes, and the secret of this attempt.

        Raises:
            ProviderFailed: The discovery document cannot be had.
        Source: FDI 8.3; RFC 7636; security OA-2, OA-3.
        """
        endpoints = await self.get_endpoints()
        pkce, nonce = self.uses_pkce(client, endpoints), self.uses_nonce(client)
        verifier = new_verifier() if pkce or nonce else None
        parameters: dict[str, str | None] = {
            "client_id": client.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(self.scope if client.scope is None else client.scope) or None,
        }
        shown = None if verifier is None else self.shown_verifier(client, verifier)
        if shown is not None and pkce:
            parameters |= {"code_challenge": challenge_of(shown), "code_challenge_method": "S256"}
        if shown is not None and nonce:
            parameters["nonce"] = nonce_of(shown)
        parameters |= self.authorization_endpoint_query_params
        return AuthorisationUrl(with_query(endpoints.authorization_endpoint, parameters), verifier)

    async def verify_callback(self, client: ProviderClient, callback: RedirectUriInfo) -> None:
        """Check what the browser brought back, before the code goes anywhere.

        Raises:
            GeneralError: The provider or the person said no.
            BadInput: No code; `iss` of another provider, or missing though this one sends it (RFC 9207);
                no verifier though this attempt has one (security OA-2, OA-4).
            ProviderFailed: The discovery document cannot be had.
        """
        if callback.query_params.get("error") is not None:
            raise GeneralError(f"{self.name} did not sign you in{_named_error(callback)}. Please try again.")
        callback.get_code()
        endpoints = await self.get_endpoints()
        issuer = callback.query_params.get("iss")
        if issuer is None and endpoints.sends_iss:
            raise BadInput("iss", f"Please provide iss in redirectURIQueryParams: {self.name} names itself there")
        if issuer is not None and endpoints.issuer is not None and not self.is_issuer(issuer):
            raise BadInput("iss", f"iss in redirectURIQueryParams does not name {self.name}: another provider answered")
        attempt_has_verifier = self.uses_pkce(client, endpoints) or self.uses_nonce(client)
        if callback.pkce_code_verifier is not None or (attempt_has_verifier and not client.native):
            callback.get_verifier()

    async def exchange_auth_code_for_oauth_tokens(
        self,
        client: ProviderClient,
        callback: RedirectUriInfo,
        *,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> dict[str, Any]:
        """Give the code to this provider's token endpoint, and only there, and return its JSON answer.

        Raises:
            BadInput: The provider refuses the code; the field is `code`.
            ProviderFailed: It is unreachable, or answers anything but tokens.
        """
        endpoints = await self.get_endpoints()
        secret = await self.get_client_secret(client)
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": client.client_id,
            "redirect_uri": callback.redirect_uri,
            "code": callback.get_code(),
            "client_secret": None if endpoints.basic_only else secret,
        }
        if client.native or self.uses_pkce(client, endpoints):
            verifier = callback.pkce_code_verifier
            form["code_verifier"] = None if verifier is None else self.shown_verifier(client, verifier)
        headers = {"Authorization": basic(client.client_id, secret)} if endpoints.basic_only and secret else {}
        form |= self.token_endpoint_body_params
        answer = await self.connection.post_form(endpoints.token_endpoint, present(form), headers=headers)
        return read_tokens(self.third_party_id, answer)

    async def get_user_info(
        self,
        client: ProviderClient,
        oauth_tokens: dict[str, Any],
        *,
        callback: RedirectUriInfo | None,
        user_context: UserContext,  # noqa: ARG002 - for overrides
    ) -> ProviderUserInfo:
        """Who the tokens are about.

        Args:
            client: The client that they must have been issued to.
            oauth_tokens: The answer of the token endpoint, or what a mobile client brought.
            callback: How the code came; `None` when a client brought the tokens, so that nothing is known
                of where they come from.

        Raises:
            BadInput: The id_token is not of this attempt; or tokens that a client brought are missing,
                invalid, or were issued to another application (the field is `oAuthTokens`).
            ProviderFailed: The provider is unreachable, or what it says does not hold.
        """
        access_token = _find_token(oauth_tokens, "access_token")
        payload: dict[str, Any] | None = None
        if self.openid:
            payload = await self.verify_id_token(client, oauth_tokens, callback)
        elif access_token is None:
            raise self.refusal("there is no access_token", callback)
        elif callback is None:
            await self.verify_access_token(client, access_token)
        try:
            profile = None if access_token is None else await self.get_profile(client, access_token)
            if callback is None and payload is not None and profile is not None and "sub" not in profile:
                profile = None  # nothing ties a brought access token to the id_token beside it
            return self.read_user_info(payload, profile)
        except AccessTokenRefused:
            raise self.refusal("the access_token is not accepted by the provider", callback) from None
        except UnusableProfile as error:
            raise ProviderFailed(self.third_party_id, f"of its profile, {error}") from None

    async def verify_id_token(
        self, client: ProviderClient, oauth_tokens: dict[str, Any], callback: RedirectUriInfo | None
    ) -> dict[str, Any]:
        """Verify the id_token among the tokens, all of it, and return its payload. Source: security OA-5.

        Raises: As `get_user_info` does.
        """
        id_token = _find_token(oauth_tokens, "id_token")
        if id_token is None:
            raise self.refusal(
                "there is no id_token; an access_token does not say for which application it is", callback
            )
        endpoints = await self.get_endpoints()
        brought = callback is None
        nonce: str | None = None
        if callback is not None and self.uses_nonce(client):
            nonce = nonce_of(self.shown_verifier(client, callback.get_verifier()))
        try:
            expected = Expectation(
                issuer=self.issuer_of(id_token),
                client_id=client.client_id,
                authorised_parties=[one.client_id for one in (self.clients if brought else (client,))],
                now_ms=self.connection.clock.now_ms(),
                max_age_seconds=MAX_AGE_OF_BROUGHT_SECONDS if brought else MAX_AGE_SECONDS,
                nonce=nonce,
                access_token=_find_token(oauth_tokens, "access_token"),
            )
            return await verify_with_published_keys(
                self.connection.documents,
                endpoints.jwks_endpoint or "",
                endpoints.signing_algorithms,
                id_token,
                expected,
                self.keys_for,
            )
        except WrongNonce:
            raise BadInput(
                "nonce", "the nonce in the provider's id_token is not of the attempt that pkceCodeVerifier belongs to"
            ) from None
        except (InvalidToken, UntrueToken) as error:
            raise self.refusal(f"the id_token is not accepted: {error}", callback) from None
        except UnusableDocument as error:
            raise ProviderFailed(self.third_party_id, str(error)) from None

    async def verify_access_token(self, client: ProviderClient, access_token: str) -> None:  # noqa: ARG002 - for overrides
        """Make sure that a token which a client brought was issued to that client of ours.

        An access token of any other application that the same person uses would otherwise sign in here
        as that person. Providers that can be asked override this.

        Raises:
            BadInput: It was not, or (here) the provider has no way to tell and `accept_access_tokens` is off.
            ProviderFailed: The provider is unreachable.
        """
        if not self.accept_access_tokens:
            raise self.refusal(
                f"{self.name} cannot tell to which application an access_token was issued; send redirectURIInfo", None
            )

    async def get_profile(self, client: ProviderClient, access_token: str) -> dict[str, Any] | None:  # noqa: ARG002 - for overrides
        """What the user-info endpoint says; `None` when there is none.

        Raises:
            AccessTokenRefused: The provider does not accept the token.
            ProviderFailed: It is unreachable, or answers anything but an object.
        """
        endpoint = (await self.get_endpoints()).user_info_endpoint
        if endpoint is None:
            return None
        profile = await self.ask(endpoint, access_token, params=self.user_info_endpoint_query_params)
        if not isinstance(profile, dict):
            raise ProviderFailed(
                self.third_party_id, "its user-info endpoint answered with something else than an object"
            )
        return cast("dict[str, Any]", profile)

    def read_user_info(self, payload: dict[str, Any] | None, profile: dict[str, Any] | None) -> ProviderUserInfo:
        """Take id and e-mail address from what the provider said, the signed part first.

        Raises:
            UnusableProfile: A field cannot be what it should be, or the two parts are about two people.
        """
        from_token, from_api = self.user_info_map.from_id_token_payload, self.user_info_map.from_user_info_api
        if payload is not None and profile is not None and profile.get("sub", payload["sub"]) != payload["sub"]:
            # OpenID Connect Core, 5.3.2: an access token of somebody else came along with this id_token.
            raise UnusableProfile("it is about another person than the id_token")
        source, fields = (profile, from_api) if find_field(payload, from_token.email) is None else (payload, from_token)
        return ProviderUserInfo(
            third_party_user_id=self.read_third_party_user_id(payload, profile),
            email=read_email(find_field(source, fields.email)),
            is_verified=self.trust_email and read_verified(find_field(source, fields.email_verified)),
            issuer="" if payload is None else payload["iss"],
            raw_user_info=raw_user_info(payload, profile),
        )

    def read_third_party_user_id(self, payload: dict[str, Any] | None, profile: dict[str, Any] | None) -> str:
        """The provider's stable id of the person. Raises `UnusableProfile` when there is none."""
        fields = self.user_info_map
        if payload is not None and fields.from_id_token_payload.user_id is not None:
            return read_user_id(find_field(payload, fields.from_id_token_payload.user_id))
        return read_user_id(find_field(profile, fields.from_user_info_api.user_id))


def _find_token(tokens: dict[str, Any], name: str) -> str | None:
    # A client may bring anything; what no provider would issue is never sent to one.
    value = tokens.get(name)
    return value if isinstance(value, str) and is_token_text(value) else None


def _named_error(callback: RedirectUriInfo) -> str:
    """The error's name when it looks like one; an attacker can write anything into that URL (security OA-13)."""
    error = callback.query_params.get("error")
    return f" ({error})" if isinstance(error, str) and re.fullmatch(r"[a-z_]{1,60}", error) else ""
