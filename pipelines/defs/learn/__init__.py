"""Learning from the warehouse once a day: models are fitted, compared and kept, and what they say is published."""
