"""What `make` calls. The set-up runs on the standard library alone, before anything is installed."""
