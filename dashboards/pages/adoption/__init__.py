"""Adoption: levels, activity, retention, moves."""
