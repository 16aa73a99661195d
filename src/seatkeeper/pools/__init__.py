"""May this request have seats? Pools of license lines, and the decision over them."""
