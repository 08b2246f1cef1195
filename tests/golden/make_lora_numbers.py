"""Makes lora_numbers.json.gz: what sd-scripts' LoRAs give on tiny layers, first weights, dropouts and norms included.

Run with the Python that sd-scripts is installed in:

    python make_lora_numbers.py --checkout PATH_OF_SD_SCRIPTS
"""

import argparse
import gzip
import json
import os
import sys
from pathlib import Path

# How a layer is made, and the shape of its input.
LAYERS = {
    "linear": (["Linear", 6, 5], [3, 4, 6]),
    "linear of rows": (["Linear", 6, 5], [3, 6]),
    "conv": (["Conv2d", 3, 4, 3, 2, 1], [2, 3, 6, 6]),
    "conv 1x1": (["Conv2d", 3, 4, 1, 1, 0], [2, 3, 5, 5]),
}
DROPOUTS = {
    "none": {},
    "neurons": {"dropout": 0.4},
    "ranks": {"rank_dropout": 0.4},
    "both": {"dropout": 0.3, "rank_dropout": 0.5},
    "module": {"module_dropout": 0.5},
    "all": {"dropout": 0.2, "rank_dropout": 0.2, "module_dropout": 0.3},
}
DIM, ALPHA = 3, 2.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    checkout = parser.parse_args().checkout.resolve()
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))

    import torch
    from networks import lora
    from torch import nn

    def wave(shape, seed):
        # The same everywhere, without a generator whose numbers may change.
        count = torch.Size(shape).numel()
        return torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + seed).float().view(*shape)

    def layer(made):
        kind, *sizes = made
        module = getattr(nn, kind)(*sizes)
        with torch.no_grad():
            module.weight.copy_(wave(module.weight.shape, 1))
            module.bias.copy_(wave(module.bias.shape, 2))
        return module.requires_grad_(False)

    cases = {}
    for name, (made, shape) in LAYERS.items():
        for drop, arguments in DROPOUTS.items():
            module = layer(made)
            torch.manual_seed(11)
            one = lora.LoRAModule("lora_x", module, 1.0, DIM, ALPHA, **arguments)
            first = one.lora_down.weight.detach().clone()
            with torch.no_grad():
                one.lora_up.weight.copy_(wave(one.lora_up.weight.shape, 3))
            one.apply_to()
            one.train()
            steps = []
            for seed in range(3):
                x = wave(shape, 4 + seed).requires_grad_(True)
                one.zero_grad(set_to_none=True)
                torch.manual_seed(seed)
                out = module(x)
                (out * wave(out.shape, 9)).sum().backward()
                grads = [one.lora_down.weight.grad, one.lora_up.weight.grad, x.grad]
                steps.append([out.detach().tolist(), *(None if grad is None else grad.tolist() for grad in grads)])
            cases[f"{name}, {drop}"] = {"first": first.tolist(), "steps": steps}

    class Transformer2DModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(6, 5), nn.Conv2d(3, 4, 1), nn.Linear(4, 9)

    class ResnetBlock2D(nn.Module):
        def __init__(self):
            super().__init__()
            self.d = nn.Conv2d(3, 4, 3, padding=1)

    norms = []
    for size in (0.2, 0.55, 3.0):
        unet = nn.ModuleList([Transformer2DModel(), ResnetBlock2D()])
        lora.LoRANetwork.UNET_TARGET_REPLACE_MODULE = ["Transformer2DModel"]
        network = lora.LoRANetwork(nn.ModuleList(), unet, lora_dim=3, alpha=2.0, conv_lora_dim=2, conv_alpha=1.5)
        network.apply_to(None, unet)
        with torch.no_grad():
            for number, one in enumerate(network.unet_loras):
                one.lora_down.weight.copy_(size * wave(one.lora_down.weight.shape, number))
                one.lora_up.weight.copy_(size * wave(one.lora_up.weight.shape, number + 20))
        told = network.apply_max_norm_regularization(1.25, "cpu")
        weights = [[one.lora_down.weight.tolist(), one.lora_up.weight.tolist()] for one in network.unet_loras]
        norms.append({"size": size, "told": list(told), "weights": weights})

    target = Path(__file__).resolve().with_name("lora_numbers.json.gz")
    content = {"layers": LAYERS, "dropouts": DROPOUTS, "dim": DIM, "alpha": ALPHA, "limit": 1.25, "cases": cases, "norms": norms}
    content = json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.9g}"))  # exact for float32
    target.write_bytes(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), 9, mtime=0))
    print(f"{len(cases)} cases, {target.stat().st_size} bytes; norms: {[one['told'] for one in norms]}")


if __name__ == "__main__":
    main()
