"""Checks: is a stack whole, and does the archive still list and serve the same."""
