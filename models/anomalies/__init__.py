"""Anomalies in counts per minute: what is usual, how unusual this is, and when that makes an episode."""
