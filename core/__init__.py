"""Caddie's engine: no Qt, and no torch outside `core.training`."""

__version__ = "0.1.0"
