"""Errors as answers."""

from __future__ import annotations

from engine.errors import LongshoreError, NotModified
from engine.server.messages import Response, empty, json_answer


def failure(error: LongshoreError, status: int = 0) -> Response:
    """The answer that an error is: its status and ``{"message": …}``; nothing but the status when nothing had to be done."""
    if isinstance(error, NotModified):
        return empty(error.status)
    return json_answer({"message": error.message}, status or error.status)
