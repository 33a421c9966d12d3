"""What runs on a target."""
