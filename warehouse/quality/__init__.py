"""Quality gates: each contract becomes a Great Expectations suite, and a table that fails one stops what is made from it."""
