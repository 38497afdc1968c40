"""What is cited of a stack: one record of the facts, and its renderings."""
