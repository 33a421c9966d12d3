"""The pure rule engine."""
