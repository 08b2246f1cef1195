"""The built-in trainer: trains LoRAs from the same job file, without sd-scripts.

The one place under `core` that may import torch, diffusers and transformers. Nobody outside imports it before something
trains, so that the window opens without them.
"""
