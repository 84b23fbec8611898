"""Docker's JSON, in one place, both ways: what a client of an engine sends and reads, and what our server reads and sends.

Nothing here does I/O. Decoders are tolerant: engines leave fields out, give ``null`` for empty, and change types between
versions, so that a missing or strange field reads as its empty value, never as a crash. What comes from an API is
bounded (:data:`engine.dockerapi.document.LINE_LIMIT`).
"""
