"""The curves of a finished or running run, read whole."""

from core.metrics.reading import read_metrics

__all__ = ["read_metrics"]
