"""The training's images: where they are, what is said about them, and how they become batches.

`settings` and `config_file` say what is wanted, `check` looks at the user's folders before anything is loaded, `dataset`
makes batches of what was found, `cache` keeps what the VAE and the text encoders made of it.
"""
