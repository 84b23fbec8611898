"""The OCI runtime: from a configuration to a process in its container."""
