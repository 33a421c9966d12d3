"""One effect for each Idempotency-Key: the effect and its stored answer are one transaction."""
