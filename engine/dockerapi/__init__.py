"""Docker's JSON, in one place: bytes of Engine API answers become values, values become bodies of requests.

Nothing here does I/O. Decoders are tolerant: engines leave fields out, give ``null`` for empty, and change types between
versions, so that a missing or strange field reads as its empty value, never as a crash. What comes from an API is
bounded (:data:`engine.dockerapi.document.LINE_LIMIT`).
"""
