"""The reporting server's work: reports from the warehouse, and what is done every day so that they can be made."""
