"""Measures the optimizers of this package beside their references: `python main.py bench optimizers`.

torch and the standard library only. Reference packages are imported by name at run time; one that is not installed gives
a row that says so.
"""
