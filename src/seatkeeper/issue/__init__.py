"""From an order to a signed license file."""
