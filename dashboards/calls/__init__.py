"""What pages ask of the registry API: routes, and the frames made of their answers."""
