"""What operators see: traces and metrics, the ids of requests, lines of the log, and hooks that take too long."""
