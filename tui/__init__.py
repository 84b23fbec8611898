"""The terminal front end of Longshore, on Textual. It knows the engine's interface, values and errors, nothing else."""
