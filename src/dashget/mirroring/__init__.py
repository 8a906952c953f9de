"""One run of a mirror: from the plan to the outcome of every file."""
