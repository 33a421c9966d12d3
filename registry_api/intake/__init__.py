"""Batches at the door: the ledger every batch route shares, and the columnar machinery of usage and statistics."""
