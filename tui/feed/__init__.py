"""What flows in from the engine: snapshots, samples, pulls and logs. Knows no widget."""
