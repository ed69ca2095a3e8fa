"""Any provider that speaks OpenID Connect, known by its issuer alone."""

from watchword.recipes.thirdparty.providers.provider import Provider


class OpenIdConnect(Provider):
    """Sign in with any OpenID Connect provider: everything else comes from its discovery document.

    Needs `third_party_id`, `issuer` and a client. Set `trust_email=True` if the provider checks that an
    address belongs to the person before it says `email_verified`, and may decide that here.
    """

    scope = ("openid", "email", "profile")
    trust_email = False
