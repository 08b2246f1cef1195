"""The command line: the same engine without a window. The only place of `core` that prints."""
