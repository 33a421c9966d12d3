"""Measured ratios: each part beside its bare limit in the same run."""
