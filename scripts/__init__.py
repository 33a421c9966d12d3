"""What `make` calls: set-up of a fresh clone, with the standard library alone."""
