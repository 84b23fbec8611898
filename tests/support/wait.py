"""Waiting for conditions, never for seconds."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = float(os.environ.get("LONGSHORE_TEST_PATIENCE", "1"))
"""How many times longer than usual everything takes here: an emulated machine is slow."""


def until(condition: Callable[[], T], timeout: float = 60, what: str = "") -> T:
    """Poll until ``condition`` gives something true, and give that back.

    Raises:
        AssertionError: it did not happen within ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout * PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"did not happen in {timeout} s: {what or condition}"
        time.sleep(0.01)
    return value


async def until_async(condition: Callable[[], Awaitable[T]], timeout: float = 60, what: str = "") -> T:
    """:func:`until` for coroutines."""
    deadline = time.monotonic() + timeout * PATIENCE
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"did not happen in {timeout} s: {what or condition}"
        await asyncio.sleep(0.01)
    return value
