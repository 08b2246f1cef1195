"""The parts of the page "Set up"."""
