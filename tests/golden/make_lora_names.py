"""Makes lora_names.json.gz: every LoRA that sd-scripts creates, in its order, with shapes and alphas.

Run with the Python that sd-scripts is installed in; nothing is downloaded and no weights are made (meta device):

    python make_lora_names.py --checkout PATH_OF_SD_SCRIPTS

Each case of the file: {"modules": [[name, shape of lora_down, shape of lora_up, alpha], ...],
"groups": [[description, learning rate, how many parameters], ...]}, the groups as of prepare_optimizer_params
with a learning rate of 1e-4, 2e-4 for the U-Net and 5e-5 for text encoders.
"""

import argparse
import gzip
import json
import os
import sys
from pathlib import Path

CLIP = {"vocab_size": 49408, "max_position_embeddings": 77}
L = dict(CLIP, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
H = dict(CLIP, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16, hidden_act="gelu")
BIG_G = dict(
    CLIP,
    hidden_size=1280,
    intermediate_size=5120,
    num_hidden_layers=32,
    num_attention_heads=20,
    hidden_act="gelu",
    projection_dim=1280,
)

PLAIN = {"dim": 4, "alpha": 1.0}
CONV = {"dim": 4, "alpha": 2.0, "conv_dim": "3", "conv_alpha": "1.5"}
LORA_PLUS = {"dim": 2, "alpha": 1.0, "loraplus_lr_ratio": "4", "loraplus_text_encoder_lr_ratio": "8"}


def dims(count):
    return ",".join(str(2 + i % 4) for i in range(count))


def alphas(count):
    return ",".join(str(1 + 0.5 * (i % 3)) for i in range(count))


def blocks(count):
    return {"dim": 4, "alpha": 1.0, "block_dims": dims(count), "block_alphas": alphas(count)}


def conv_blocks(count):
    return dict(blocks(count), conv_block_dims=dims(count), conv_block_alphas=alphas(count))


CASES = {
    "sd1": PLAIN,
    "sd1 conv": CONV,
    "sd1 lora+": LORA_PLUS,
    "sd1 blocks": blocks(25),
    "sd1 conv blocks": conv_blocks(25),
    "sd1 block rates": {"dim": 2, "alpha": 1.0, "down_lr_weight": "sine+0.25", "mid_lr_weight": "0.5", "up_lr_weight": "cosine"},
    "sd1 block rates lora+": {
        "dim": 2,
        "alpha": 1.0,
        "up_lr_weight": "1,0.5,,0,1",
        "conv_dim": "2",
        "loraplus_unet_lr_ratio": "16",
    },
    "sd1 block rates threshold": {"dim": 2, "alpha": 1.0, "down_lr_weight": "linear", "block_lr_zero_threshold": "0.4"},
    "sd2": PLAIN,
    "sd2 conv": CONV,
    "sdxl": PLAIN,
    "sdxl conv": CONV,
    "sdxl conv blocks": conv_blocks(23),
    "sdxl block rates": {
        "dim": 2,
        "alpha": 1.0,
        "down_lr_weight": "reverse_linear",
        "mid_lr_weight": "0.5,1,0",
        "up_lr_weight": "zeros+.5",
    },
}


def describe(family, case, text_encoders, unet):
    from networks import lora

    # lora.py adds to these lists of the class itself and never takes back: each case has to start from the original.
    lora.LoRANetwork.UNET_TARGET_REPLACE_MODULE = ["Transformer2DModel"]
    case = dict(case)
    te = text_encoders if len(text_encoders) > 1 else text_encoders[0]
    network = lora.create_network(1.0, case.pop("dim"), case.pop("alpha"), None, te, unet, **case)
    loras = network.text_encoder_loras + network.unet_loras
    modules = [[x.lora_name, list(x.lora_down.weight.shape), list(x.lora_up.weight.shape), x.scale * x.lora_dim] for x in loras]
    forwards = [(x.org_module, x.org_module.forward) for x in loras]
    network.apply_to(te, unet)
    groups, names = network.prepare_optimizer_params(5e-5, 2e-4, 1e-4)
    groups = [[name, group["lr"], len(list(group["params"]))] for name, group in zip(names, groups, strict=True)]
    for module, forward in forwards:
        module.forward = forward
    return {"modules": modules, "groups": groups}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    checkout = parser.parse_args().checkout.resolve()
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))

    import torch
    from library import model_util
    from library.original_unet import UNet2DConditionModel
    from library.sdxl_original_unet import SdxlUNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    def models(family):
        if family == "sdxl":
            encoders = [CLIPTextModel(CLIPTextConfig(**L)), CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G))]
            return encoders, SdxlUNet2DConditionModel()
        encoder = CLIPTextModel(CLIPTextConfig(**(H if family == "sd2" else L)))
        # As train_util.load_target_model asks for it: without linear projections, for SD 2 too.
        return [encoder], UNet2DConditionModel(**model_util.create_unet_diffusers_config(family == "sd2", False))

    result = {}
    made = {}
    with torch.device("meta"):
        for name, case in CASES.items():
            family = name.split()[0]
            if family not in made:
                made[family] = models(family)
            result[name] = describe(family, case, *made[family])
    target = Path(__file__).resolve().with_name("lora_names.json.gz")
    data = json.dumps({"cases": CASES, "networks": result}, separators=(",", ":")).encode()
    target.write_bytes(gzip.compress(data, 9, mtime=0))
    for name, found in result.items():
        print(f"{name}: {len(found['modules'])} LoRAs, {len(found['groups'])} groups")
    print(f"{target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
