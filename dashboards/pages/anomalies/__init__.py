"""Anomalies: what was out of the ordinary, and the series in which it was."""
