"""Rules, what they saw, and what they planned."""
