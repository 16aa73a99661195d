"""What a vendor sells, and which technical licenses an order for it needs.

Invariants: a catalog that exists has passed `check.problem`, so every license that a product needs has a quantity rule;
`expand` is a function of its arguments alone, gives one line for each feature, and no line counts less than 1.
"""
