"""The version of Longshore."""

VERSION = "0.1.0"
API_VERSION = "1.51"
"""Docker Engine API whose shapes ``inspect`` and ``info`` print."""
