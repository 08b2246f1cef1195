"""A working sd-scripts from nothing: what would be run, running it with a journal, undoing it, mending what broke."""
