"""Protection against guessing and floods: limits per account and per network, and devices that are known."""
