"""Small types and functions that know nothing of DASH: byte ranges, checksums, validation."""
