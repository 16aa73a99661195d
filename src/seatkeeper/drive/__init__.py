"""Applications and whole days, run against a real license server."""
