"""The command line: ``longshore VERB`` with docker's verbs, flags, output and exit codes.

A verb is a module in :mod:`engine.cli.verbs` with ``SPEC`` (what help, parsing and completion need) and
``run(context, options)``. :mod:`engine.cli.main` knows their names without importing them, so that a verb pays only for itself.
"""
