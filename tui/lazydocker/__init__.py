"""Settings of lazydocker, read from its ``config.yml`` and told in ours; what has no counterpart is said, line by line."""
