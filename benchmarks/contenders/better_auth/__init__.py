"""better-auth, on Node.js."""
