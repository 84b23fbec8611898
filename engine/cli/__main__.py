"""``python3 -m engine.cli`` is ``longshore``."""

from engine.cli.main import entry

entry()
