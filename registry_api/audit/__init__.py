"""The audit log: one hash chain per tenant."""

# The unit of work appends to the chain, so `registry_api.db` must be whole before any module of this package loads.
import registry_api.db  # noqa: F401
