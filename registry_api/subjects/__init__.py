"""Persons: random pseudonyms found by keyed digest, and their erasure by whatever name they have."""
