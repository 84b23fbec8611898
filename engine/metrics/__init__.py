"""Resource use of containers and of the host."""
