"""The marketplace: find a plugin."""
