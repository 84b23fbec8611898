"""Full screens and modals, and the commands that the keys run."""
