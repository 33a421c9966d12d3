"""Risk: which plugins are likely to do harm, how much, and what drives it."""
