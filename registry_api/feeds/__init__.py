"""The ordered feeds: an outbox written with each change, read by cursor."""

# The unit of work writes the outbox, so `registry_api.db` must be whole before any module of this package loads.
import registry_api.db  # noqa: F401
