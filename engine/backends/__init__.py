"""Implementations of :mod:`engine.interface`: this machine (``embedded``) and any Docker Engine API (``docker``)."""
