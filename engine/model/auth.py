"""Credentials for a registry."""

from __future__ import annotations

from engine.model.value import Value


class Credentials(Value):
    """A user with a password, an identity (refresh) token, or a ready bearer token; all empty is anonymous."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, …)"

    @property
    def anonymous(self) -> bool:
        """There is nothing to show a registry."""
        return not (self.username or self.identity_token or self.registry_token)
