"""Webhook subscriptions: who is told of which changes, deliveries made with the change, and how each went."""

# The unit of work tells webhooks, so `registry_api.db` must be whole before any module of this package loads.
import registry_api.db  # noqa: F401
