"""A contact center that does not exist: its agents, its day, and what its applications see of it."""
