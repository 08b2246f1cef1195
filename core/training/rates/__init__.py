"""Learning rates, step by step, and what a job says about the optimizer."""
