"""One stack, from the archive into a commit."""
