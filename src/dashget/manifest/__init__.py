"""From what the user names to a resolved presentation: the only reader of manifests."""
