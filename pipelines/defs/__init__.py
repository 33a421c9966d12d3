"""One folder an area, each with `assets.py` and, as needed, `checks.py`, `partitions.py`, `sensors.py`."""
