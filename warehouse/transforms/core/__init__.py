"""Staging to dimensions and facts."""
