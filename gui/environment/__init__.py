"""The parts of the page "Environment"."""
