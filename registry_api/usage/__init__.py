"""Usage events: validated columnar, kept as segments in the lake, counted by the minute."""
