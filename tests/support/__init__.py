"""Fixtures and tools that several test packages share."""
