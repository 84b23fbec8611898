"""Truth on disk: roots, the SQLite database, the blob store, locks, and logs.

Imported by every process, short verbs and supervisors included, so each module stays small and imports late.
"""
