"""Reasons for which a test may be skipped in CI. Every other skip there is a failure."""

ALLOWED: tuple[str, ...] = ()
