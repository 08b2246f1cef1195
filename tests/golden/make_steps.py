"""Makes steps.json: losses and gradients of LoRA weights, by sd-scripts' own trainer.

Run with the Python that sd-scripts is installed in; offline, on the CPU:

    python make_steps.py --checkout PATH_OF_SD_SCRIPTS

Made with kohya-ss/sd-scripts at 48d368f, torch 2.13.0, diffusers 0.32.1 and transformers 4.54.1 on a CPU. For each case the
script's own argument parser, `load_target_model`, tokenize and text encoding strategies, `networks.lora.create_network`,
`get_noise_scheduler` and `process_batch` run as in `NetworkTrainer.train`; Accelerate does the backward pass. Only the sizes
of its U-Nets are made smaller before they are built: constants of library/original_unet.py and library/sdxl_original_unet.py,
and the width and number of SDXL's transformer layers, which stand in its constructor.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

SCRIPTS = {"sd1": "train_network", "sd2-v": "train_network", "sdxl": "sdxl_train_network"}


def shrink():
    """Makes sd-scripts' U-Nets as small as the tiny models."""
    from library import original_unet, sdxl_original_unet

    original_unet.BLOCK_OUT_CHANNELS = (32, 64)
    original_unet.TIMESTEP_INPUT_DIM = 32
    original_unet.TIME_EMBED_DIM = 128
    original_unet.NORM_GROUPS = original_unet.TRANSFORMER_NORM_NUM_GROUPS = 8
    original_unet.DOWN_BLOCK_TYPES = ["CrossAttnDownBlock2D", "DownBlock2D"]
    original_unet.UP_BLOCK_TYPES = ["UpBlock2D", "CrossAttnUpBlock2D"]

    class Transformer2DModel(sdxl_original_unet.Transformer2DModel):
        def __init__(self, **sizes):
            layers = {2: 1, 10: 2}[sizes.pop("num_transformer_layers")]
            super().__init__(**{**sizes, "cross_attention_dim": 96, "num_transformer_layers": layers})

    sdxl_original_unet.MODEL_CHANNELS = 32
    sdxl_original_unet.TIME_EMBED_DIM = 128
    sdxl_original_unet.ADM_IN_CHANNELS = 64 + 6 * 256
    sdxl_original_unet.Transformer2DModel = Transformer2DModel


def arguments_of(module, options):
    words = ["--sdpa"]
    for name, value in options.items():
        words.append(f"--{name}")
        if isinstance(value, list):
            words += value
        elif value is not True:
            words.append(str(value))
    return module.setup_parser().parse_args(words)


def network_of(args, models):
    """`create_network` as `NetworkTrainer.train` calls it."""
    from networks import lora

    text_encoder, vae, unet = models
    # It adds to this list of its class where there is a conv_dim, which would stay for the next case.
    lora.LoRANetwork.UNET_TARGET_REPLACE_MODULE = ["Transformer2DModel"]
    given = dict(argument.split("=", 1) for argument in args.network_args or ())
    given["dropout"] = args.network_dropout
    return lora.create_network(1.0, args.network_dim, args.network_alpha, vae, text_encoder, unet, neuron_dropout=None, **given)


def batch_of(case, strategy, number, recipe):
    import torch

    batch = {"captions": list(recipe.CAPTIONS), "loss_weights": torch.tensor(case.loss_weights[number])}
    ids = [strategy.tokenize(caption) for caption in recipe.CAPTIONS]
    batch["input_ids_list"] = [torch.cat(parts) for parts in zip(*ids, strict=True)]
    sizes = recipe.sizes_of()
    batch.update(zip(("original_sizes_hw", "crop_top_lefts", "target_sizes_hw"), sizes, strict=True))
    batch["latents"] = None if case.has_images else recipe.latents_of(case.kind, number)
    batch["images"] = recipe.images_of(number) if case.has_images else None
    if case.has_masks:
        batch["alpha_masks"] = recipe.masks_of(number)[:, 0]
    return batch


def one(case, folder, recipe, torch):
    from library import train_util

    module = importlib.import_module(SCRIPTS[case.kind])
    trainer = (module.SdxlNetworkTrainer if case.kind == "sdxl" else module.NetworkTrainer)()
    model, lora_file = folder / case.kind, folder / "lora.safetensors"
    if not model.exists():
        recipe.write_model(model, case.kind)
    options = {**recipe.job_options(case, model, lora_file), "tokenizer_cache_dir": str(folder), "output_dir": str(folder)}
    args = arguments_of(module, options)
    tokenize_strategy = trainer.get_tokenize_strategy(args)
    encoding = trainer.get_text_encoding_strategy(args)
    accelerator = train_util.prepare_accelerator(args)
    weight_dtype, _ = train_util.prepare_dtype(args)
    _, text_encoder, vae, unet = trainer.load_target_model(args, weight_dtype, accelerator)
    text_encoders = text_encoder if isinstance(text_encoder, list) else [text_encoder]

    network = network_of(args, (text_encoder, vae, unet))
    blank = {
        f"{lora.lora_name}.{key}": value
        for lora in network.text_encoder_loras + network.unet_loras
        for key, value in lora.state_dict().items()
        if not key.startswith("org_module")
    }
    recipe.write_lora(lora_file, blank)
    trains_text = trainer.is_train_text_encoder(args)
    network.apply_to(text_encoder, unet, trains_text, True)
    info = network.load_weights(args.network_weights)
    assert not info.missing_keys, info

    unet.requires_grad_(False)
    for encoder in text_encoders:
        encoder.requires_grad_(False)
    if args.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
        unet.train()
        for index, encoder in enumerate(text_encoders):
            encoder.gradient_checkpointing_enable()
            encoder.train()
            trainer.prepare_text_encoder_grad_ckpt_workaround(index, encoder)
    else:
        unet.eval()
        for encoder in text_encoders:
            encoder.eval()
    vae.requires_grad_(False).eval()
    network, _ = accelerator.prepare(network, torch.optim.SGD(network.parameters(), lr=0.0))
    network.prepare_grad_etc(text_encoder, unet)
    network.on_epoch_start(text_encoder, unet)
    scheduler = trainer.get_noise_scheduler(args, accelerator.device)
    losses = []
    for number in range(len(case.loss_weights)):
        with accelerator.accumulate(network):
            batch = batch_of(case, tokenize_strategy, number, recipe)
            torch.manual_seed(recipe.seed_of(number))
            loss = trainer.process_batch(
                batch,
                text_encoders,
                unet,
                network,
                vae,
                scheduler,
                torch.float32,
                weight_dtype,
                accelerator,
                args,
                encoding,
                tokenize_strategy,
                train_text_encoder=trains_text,
            )
            accelerator.backward(loss)
        losses.append(loss.item())
    assert accelerator.sync_gradients
    # A text encoder's layers behind the one whose states are taken get no gradient.
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    numbers = {
        key: None if grad is None else [float(f"{x:.9g}") for x in recipe.summary(key, grad)] for key, grad in gradients.items()
    }
    return {
        "losses": losses,
        "weights": recipe.digest_of(*recipe.weights_in(model), lora_file),
        "gradients": [numbers[key] for key in sorted(numbers)],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", required=True)
    checkout = os.path.abspath(parser.parse_args().checkout)
    target = Path(__file__).resolve().with_name("steps.json")
    os.environ.update({"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"})
    os.chdir(checkout)
    sys.path[:0] = [checkout, str(target.parents[2])]
    sys.argv[1:] = []

    import torch

    from tests.helpers import golden_steps as recipe
    from tests.helpers import tiny_models

    shrink()
    found = {}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        for name, pad in (
            ("openai_clip-vit-large-patch14", tiny_models.EOS),
            ("laion_CLIP-ViT-bigG-14-laion2B-39B-b160k", tiny_models.EOS),
            ("stabilityai_stable-diffusion-2", "!"),
        ):
            tiny_models.save_tokenizer(folder / name, pad)
        for name, case in recipe.CASES.items():
            found[name] = one(case, folder, recipe, torch)
            print(name, found[name]["losses"], len(found[name]["gradients"]))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in found.items())
    target.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
