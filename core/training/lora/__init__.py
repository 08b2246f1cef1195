"""The LoRA: which layers get one, how it computes, which parameters are trained at which rate, and its file."""
