"""The curves of a finished or running run, read whole: `core.metrics.reading` knows how, and keeps those of long runs."""

from __future__ import annotations

from core.metrics.reading import read_metrics

__all__ = ["read_metrics"]
