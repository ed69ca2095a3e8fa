"""E-mail address and password: sign-up, sign-in, does-this-address-exist."""
