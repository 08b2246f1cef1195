"""Watchdogs: what goes wrong in a run while it goes on (docs/watchdogs.md)."""
