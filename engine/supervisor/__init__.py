"""The supervisor: one small process per container that owns its streams, its exit and its restarts."""
