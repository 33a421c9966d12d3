"""One target: what is installed there."""
