"""Every run that was ever made: what its folder says, in one table. The index is a cache (docs/history.md)."""
