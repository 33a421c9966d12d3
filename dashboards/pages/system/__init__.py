"""System health: the API, the snapshot and its checks."""
