"""Printers of events and results: for terminals, for logs, and as JSON Lines."""
