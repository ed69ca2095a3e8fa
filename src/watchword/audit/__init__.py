"""The audit log: security events, recorded with what they go with, in a chain that shows what was changed later."""
