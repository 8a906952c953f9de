"""One run of the engine: its tasks, their requests, and what follows from each answer."""
