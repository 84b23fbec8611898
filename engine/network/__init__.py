"""Bridge networks, addresses, published ports and name files of the embedded engine."""
