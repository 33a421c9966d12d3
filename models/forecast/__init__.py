"""Forecasts of usage with intervals that keep what they promise."""
