"""Durable jobs: rows enqueued with the change that needs them, carried out by workers that may die at any moment."""

# The unit of work enqueues jobs, so `registry_api.db` must be whole before any module of this package loads.
import registry_api.db  # noqa: F401
