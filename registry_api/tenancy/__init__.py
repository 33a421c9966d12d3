"""Tenants: the operator, who owns the public catalogue, and its customers."""
