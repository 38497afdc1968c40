"""The archive: ask, read, download, validate."""
