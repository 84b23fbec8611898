"""Widgets that could live in another program: they know values and presenters, never the engine."""
