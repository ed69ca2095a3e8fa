"""Who can sign in: tenants, users, their login methods and e-mail addresses."""
