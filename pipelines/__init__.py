"""Dagster: what runs when, on what, and what it shows. The thinking is in `warehouse/` and `models/`."""
