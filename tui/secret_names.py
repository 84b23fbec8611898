"""Names that tell of a secret: what stands behind them is hidden on the screen, and not written down."""

from __future__ import annotations

SECRET = ("pass", "secret", "token", "apikey", "api_key", "private_key", "credential")


def is_secret(name: str) -> bool:
    """The name of an environment variable whose value should not be read over a shoulder."""
    lower = name.lower()
    return any(word in lower for word in SECRET)
