"""LinkedIn, by its product "Sign In with LinkedIn using OpenID Connect".

Console: https://www.linkedin.com/developers/.
"""

from watchword.recipes.thirdparty.providers.provider import Provider


class LinkedIn(Provider):
    """Sign in with LinkedIn: OpenID Connect without a nonce, and PKCE only for apps that LinkedIn enabled it for."""

    third_party_id = "linkedin"
    name = "LinkedIn"
    scope = ("openid", "profile", "email")
    issuer = "https://www.linkedin.com/oauth"
    nonce_in_id_token = False  # it accepts the parameter and leaves it out of the id_token
