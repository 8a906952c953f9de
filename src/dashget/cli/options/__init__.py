"""Options that several commands share, and their translation into the library's types."""
