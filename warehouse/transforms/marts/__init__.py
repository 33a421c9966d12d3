"""Core to marts: one table a question."""
