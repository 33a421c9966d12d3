"""Raw rows to the registry's entities as they stand and its events once each."""
