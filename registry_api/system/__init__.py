"""Health, readiness, metrics and the state of the whole registry."""
