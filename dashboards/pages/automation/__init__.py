"""Rules, what fired, what was planned, and what became of it."""
