"""Whether the process lives and can serve, for orchestrators and load balancers."""
