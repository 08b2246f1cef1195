"""Loading models: what a file holds, its U-Net, VAE, text encoders and tokenizers, and what a prompt becomes."""
