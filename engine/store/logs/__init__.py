"""Container logs: written by supervisors, read by front ends."""
