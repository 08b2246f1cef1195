"""The demo's small model, and how it is made: `python -m core.training.demo resources/demo`."""
