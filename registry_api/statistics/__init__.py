"""Counts that outside registries publish about plugins."""
