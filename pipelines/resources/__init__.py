"""What assets are handed: the warehouse and the registry. Nothing is opened before a run asks for it."""
