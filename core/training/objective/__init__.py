"""What is learned: noise, timesteps, target, loss and its weights."""
