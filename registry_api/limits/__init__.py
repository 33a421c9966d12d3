"""Rate limits per address, token and tenant, kept in process or in Redis, and told in every answer."""
