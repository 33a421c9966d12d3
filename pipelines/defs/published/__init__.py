"""Snapshots that dashboards read."""
