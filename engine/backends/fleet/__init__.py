"""Several engines as one: everything that has a name is called ``NAME@HOST``, and is done where it is."""
