"""Users, identities, memberships, sessions and API tokens."""
