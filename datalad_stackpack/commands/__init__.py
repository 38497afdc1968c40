"""The commands as DataLad knows them: options in, result records out; one file per command."""
