"""The dialog of a race: which optimizers, and how they stand."""
