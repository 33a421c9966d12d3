"""One plugin's page."""
