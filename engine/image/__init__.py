"""Images: layers on disk, pulls, and the catalogue of what is stored."""
