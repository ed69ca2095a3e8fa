"""E-mail verification: proof that an address is the person's, and the claim that says so in the session."""
