"""Patchbay: a plugin registry with an analytics and ML platform behind it."""
