"""How the registry tells others: signing keys, contacts, and the senders of webhooks and mail."""

# The unit of work tells webhooks, so `registry_api.db` must be whole before any module of this package loads.
import registry_api.db  # noqa: F401
