"""This machine, with our own engine.

The work is done by synchronous functions over :class:`~engine.backends.embedded.core.Core`; the classes here give them
the async interface through an :class:`~engine.backends.embedded.offload.Offload`.
"""
