"""Carrying plans out: the one place where a rule has an effect."""
