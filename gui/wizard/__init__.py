"""The dialog that makes a working sd-scripts."""
