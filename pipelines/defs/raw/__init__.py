"""Taking the registry in."""
