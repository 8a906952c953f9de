"""HTTP semantics without I/O: heads, verdicts on responses, failures, origins."""
