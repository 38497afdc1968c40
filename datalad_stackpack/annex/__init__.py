"""git, git-annex and DataLad datasets."""
