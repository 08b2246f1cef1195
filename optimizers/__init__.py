"""Drop-in optimizers (torch and stdlib only). The algorithms arrive with a later issue."""
