"""Watching what comes in, every half minute: what is out of the ordinary is told to people and to the rules."""
