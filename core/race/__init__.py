"""One job with several optimizers, the rest equal: made, trained one after the other or one a GPU, and compared."""
