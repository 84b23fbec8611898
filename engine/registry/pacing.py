"""How long to wait before a registry is asked again, and when not to ask at all.

What a registry asks for (``Retry-After``, RFC 9110, 10.2.3) is done, up to a limit: longer pauses are the person's decision.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

_MAX_PAUSE = 20.0
_OVERLOADED = (408, 425, 502, 503, 504)


def pause(status: int, headers: Mapping[str, str], attempt: int) -> float | None:
    """Seconds to wait before another attempt; ``None``: it would not help."""
    if status not in (429, *_OVERLOADED):
        return None
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return float(asked) + _jitter() if int(asked) <= _MAX_PAUSE else None
    if asked:
        return _until(asked)
    return None if status == 429 else 0.2 * 4 ** (attempt - 1) * (1 + _jitter())


def _jitter() -> float:
    """Up to a quarter, so that clients that were turned away together do not come back together."""
    return random.random() / 4  # noqa: S311  nobody gains from guessing it


def _until(date: str) -> float | None:
    import time
    from email.utils import parsedate_to_datetime

    try:
        seconds = parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(seconds, 0.1) if seconds <= _MAX_PAUSE else None
