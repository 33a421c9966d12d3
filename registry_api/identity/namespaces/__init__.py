"""Teams, and who may change which namespace of the catalogue."""
