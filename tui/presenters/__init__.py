"""Pure functions from values to styled cells and lines. No widget, no engine call, no clock of their own."""
