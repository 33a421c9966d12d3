"""Every question the pages ask: one function each, parameterised SQL only."""
