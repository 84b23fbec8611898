"""AppArmor profiles: which ones the kernel has, and giving it one more with ``apparmor_parser(8)``.

The kernel takes compiled profiles only, so that a profile of our own needs the parser, which every distribution with AppArmor has.
"""

from __future__ import annotations

import os

from engine.linux import labels, userns

UNCONFINED = "unconfined"
KERNEL = "/sys/kernel/security/apparmor"
"""Where the kernel takes profiles."""

_PARSERS = ("/sbin/apparmor_parser", "/usr/sbin/apparmor_parser")


def parser() -> str:
    """Path of the parser, ``""`` without one."""
    return next((path for path in _PARSERS if os.access(path, os.X_OK)), "")


def can_load() -> bool:
    """AppArmor is on, and profiles can be given to it: not from a user namespace, nor without the parser."""
    return labels.apparmor() and not userns.contained() and os.access(f"{KERNEL}/.replace", os.W_OK) and bool(parser())


def loaded(name: str) -> bool:
    """The kernel has a profile of this name."""
    try:
        with open(f"{KERNEL}/profiles", encoding="utf-8", errors="replace") as file:
            return any(line.rpartition(" (")[0] == name for line in file)
    except OSError:
        return False


def load(text: str) -> None:
    """Give the kernel a profile, in place of one of the same name.

    Raises:
        OSError: the parser or the kernel refuses it; with the parser's words.
    """
    import subprocess

    # Neither read from nor written to the cache: it is keyed by a file's name, and this is none.
    command = [parser(), "--replace", "--skip-cache", "--quiet"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(0, f"apparmor_parser: {done.stderr.strip() or done.returncode}")
