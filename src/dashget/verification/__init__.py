"""Check a mirror offline and against its server, repair it, remove what is superseded."""
