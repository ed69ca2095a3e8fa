"""Sign in with a provider elsewhere: Google, GitHub, Apple, any OpenID Connect or OAuth 2.0 provider."""
