"""The tests of Longshore: ``python -m tests --help``."""
