"""Dagster definitions: thin assets, checks, sensors, schedules and resources."""
