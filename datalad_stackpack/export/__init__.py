"""A stack, or a part of it, in the formats of other programs."""
