"""The manifest of a stack (pure)."""
