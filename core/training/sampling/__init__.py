"""Sample pictures of the model as it trains: prompt files, when, with which sampler, and drawing them."""
