"""How many transfers run at once, and how fast: limits that adapt to the network."""
