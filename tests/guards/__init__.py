"""Each guard against a known weakness is taken out of a copy of the engine, and the test that watches it must then fail."""
