"""The learning rate that one run found, for a run with another optimizer (docs/handover.md)."""
