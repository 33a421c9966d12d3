"""The generated world: a registry's life made from one seed, sent through the API like any client would."""
