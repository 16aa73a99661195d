"""What was used against what was bought: values and rules, without a database."""
