"""Data quality: what came in, what was refused, which checks passed."""
