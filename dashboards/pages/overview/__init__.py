"""The overview: what there is, what is used, what is new."""
