"""Mail: what is to be sent, the outbox it waits in, and the services that carry it."""
