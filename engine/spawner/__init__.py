"""The spawner: a small, warm, single-threaded process that forks supervisors, and the frames they all speak."""
