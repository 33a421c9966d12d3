"""The list of install targets."""
