"""Targets and what was observed to be installed on them."""
