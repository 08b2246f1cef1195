"""Makes lora_file_<kind>.safetensors: LoRAs of tiny models that sd-scripts itself has made and saved.

The header's "golden" entry says what the tiny U-Net (diffusers' own, filled by a formula) gives with the LoRA on it, and on
which input. Run with the Python that sd-scripts is installed in:

    python make_lora_files.py --checkout PATH_OF_SD_SCRIPTS
    python make_lora_files.py --checkout PATH_OF_SD_SCRIPTS --check FILE...

The second form loads files that Caddie has saved for the same tiny models, with such an entry, and says how far the output
of sd-scripts' network is from the one that they promise.
"""

import argparse
import json
import os
import sys
import zlib
from pathlib import Path

COMMON = {"sample_size": 8, "norm_num_groups": 8, "layers_per_block": 1, "block_out_channels": [16, 32]}
UNETS = {
    "sd1": {
        **COMMON,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "cross_attention_dim": 12,
        "attention_head_dim": 4,
    },
}
TEXT = {
    "vocab_size": 64,
    "hidden_size": 12,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}
ARGUMENTS = {"conv_dim": "2", "conv_alpha": "1.5"}
DIM, ALPHA = 3, 2.0


def fill(module, torch):
    """Weights that depend on their names and shapes alone, whatever the version of torch and diffusers."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            phase = zlib.crc32(name.removeprefix("text_model.").encode()) % 1000
            wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 1.618 + phase).view(value.shape)
            size = 1.0 / max(1, value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1
            value.copy_(size * wave + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
    return module.requires_grad_(False).eval()


def models(kind, torch):
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    return fill(UNet2DConditionModel(**UNETS[kind]), torch), fill(CLIPTextModel(CLIPTextConfig(**TEXT)), torch)


def inputs(kind, torch):
    wave = torch.sin(torch.arange(2 * 4 * 8 * 8, dtype=torch.float64) * 0.77).float().view(2, 4, 8, 8)
    words = torch.arange(2 * 7).view(2, 7) % 60
    return wave, torch.tensor([3, 700]), words


def output(unet, encoder, kind, torch):
    latents, steps, words = inputs(kind, torch)
    with torch.no_grad():
        hidden = encoder(words).last_hidden_state
        return unet(latents, steps, hidden).sample


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--check", type=Path, nargs="*")
    args = parser.parse_args()
    checked = [path.resolve() for path in args.check or ()]
    here = Path(__file__).resolve().parent
    os.chdir(args.checkout)
    sys.path.insert(0, str(args.checkout.resolve()))

    import torch
    from library import train_util
    from networks import lora
    from safetensors import safe_open

    for path in checked:
        with safe_open(path, framework="pt") as file:
            golden = json.loads(file.metadata()["golden"])
        unet, encoder = models(golden["kind"], torch)
        network, weights = lora.create_network_from_weights(1.0, str(path), None, encoder, unet)
        network.apply_to(encoder, unet)
        told = network.load_weights(str(path))
        network.eval()
        found, wanted = output(unet, encoder, golden["kind"], torch), torch.tensor(golden["output"])
        error = float((found.flatten() - wanted).norm() / wanted.norm())
        print(f"{path.name}: {len(weights)} tensors, {told}, relative error {error:.2e}")
    if checked:
        return

    for kind in UNETS:
        unet, encoder = models(kind, torch)
        plain = output(unet, encoder, kind, torch)
        lora.LoRANetwork.UNET_TARGET_REPLACE_MODULE = ["Transformer2DModel"]
        torch.manual_seed(5)
        network = lora.create_network(1.0, DIM, ALPHA, None, encoder, unet, **ARGUMENTS)
        with torch.no_grad():
            for one in network.text_encoder_loras + network.unet_loras:
                one.lora_up.weight.normal_(std=0.3)
        network.apply_to(encoder, unet)
        network.eval()
        # What is saved is float16; the output is that of what is in the file.
        network.half().float()
        found = output(unet, encoder, kind, torch)
        error = float((found - plain).norm() / plain.norm())
        # The hashes of web UIs, of a file that is long enough for both.
        tensors = {"a.lora_down.weight": torch.arange(400_000, dtype=torch.float32).view(4, -1), "a.alpha": torch.tensor(2.0)}
        hashes = train_util.precalculate_safetensors_hashes(tensors, {"ss_seed": "1", "modelspec.title": "left out"})
        golden = {"kind": kind, "hashes": list(hashes), "output": [float(f"{x:.9g}") for x in found.flatten().tolist()]}
        metadata = {"ss_network_dim": str(DIM), "ss_v2": "False", "modelspec.title": "tiny", "golden": json.dumps(golden)}
        path = here / f"lora_file_{kind}.safetensors"
        network.save_weights(str(path), torch.float16, metadata)
        print(f"{path.name}: {path.stat().st_size} bytes, changes the output by {error:.2f}")


if __name__ == "__main__":
    main()
