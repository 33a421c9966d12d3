"""Audit chains without a registry: their hashes, Merkle trees, signed checkpoints, anchors, exports and proofs.

Nothing here needs a database, so that whoever has an exported chain and the anchors can verify them anywhere.
"""
