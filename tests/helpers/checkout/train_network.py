"""A small training that behaves like sd-scripts' train_network.py, and stands in for it in the tests.

It has the parser conventions of sd-scripts (`setup_parser()`, `--config_file`, `--optimizer_type`, `--optimizer_args`),
resolves optimizers as its `get_optimizer` does, prints like it, and saves a .safetensors file. What it trains is real:
two low-rank adapters on frozen layers (a "text encoder" and a "unet") learn the style of small synthetic pictures. Pictures and base weights are made from the seed, so nothing has to be downloaded.
"""

import argparse
import ast
import copy
import importlib
import json
import math
import os
import sys
import time

import toml
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors.torch import save_file
from tqdm import tqdm

SIDE = 16
HIDDEN = 96
PICTURES = 64
WORDS = 32
STYLE_RANK = 3


def setup_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    add_training_arguments(parser)
    add_optimizer_arguments(parser)
    parser.add_argument("--config_file", type=str, default=None, help="use a .toml file instead of arguments")
    return parser


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pretrained_model_name_or_path", type=str, default=None, help="base model; made here if not given")
    parser.add_argument("--train_data_dir", type=str, default=None, help="folder of pictures; made here if not given")
    parser.add_argument("--resolution", type=str, default=None, help="size of the pictures")
    parser.add_argument("--output_dir", type=str, default=None, help="folder of the trained weights")
    parser.add_argument("--output_name", type=str, default=None, help="name of the trained weights")
    parser.add_argument("--save_model_as", type=str, default="safetensors", choices=[None, "ckpt", "pt", "safetensors"])
    parser.add_argument("--save_every_n_steps", type=int, default=None, help="save every N steps")
    parser.add_argument("--save_every_n_epochs", type=int, default=None, help="save every N epochs")
    parser.add_argument("--save_last_n_steps", type=int, default=None, help="keep the files of the last N steps only")
    parser.add_argument("--save_state", action="store_true", help="save the training's state with the weights")
    parser.add_argument("--resume", type=str, default=None, help="go on from a saved state")
    parser.add_argument("--sample_prompts", type=str, default=None, help="file of prompts, a sample picture each")
    parser.add_argument("--sample_every_n_steps", type=int, default=None, help="draw sample pictures every N steps")
    parser.add_argument("--sample_every_n_epochs", type=int, default=None, help="draw sample pictures every N epochs")
    parser.add_argument("--logging_dir", type=str, default=None, help="write TensorBoard files below this folder")
    parser.add_argument("--network_module", type=str, default=None, help="network module (the demo has one of its own)")
    parser.add_argument("--network_dim", type=int, default=None, help="rank of the adapters")
    parser.add_argument("--network_alpha", type=float, default=1, help="alpha of the adapters")
    parser.add_argument("--network_train_unet_only", action="store_true", help="train the unet's adapter only")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train_batch_size", type=int, default=1, help="pictures a step")
    parser.add_argument("--max_train_steps", type=int, default=1600, help="steps of training")
    parser.add_argument("--max_train_epochs", type=int, default=None, help="epochs of training, instead of steps")
    parser.add_argument("--gradient_accumulation_steps", type=int, default=1, help="micro-batches a step")
    parser.add_argument("--seed", type=int, default=None, help="seed of everything random")
    parser.add_argument("--mixed_precision", type=str, default="no", choices=["no", "fp16", "bf16"])
    parser.add_argument("--max_grad_norm", default=1.0, type=float, help="clip gradients to this norm, 0 for no clipping")
    parser.add_argument("--initial_step", type=int, default=None, help="go on counting from this step")


def add_optimizer_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--optimizer_type", type=str, default="", help="optimizer to use")
    parser.add_argument("--optimizer_args", type=str, default=None, nargs="*", help='"key=value" for the optimizer')
    parser.add_argument("--use_8bit_adam", action="store_true", help="use the 8-bit Adam optimizer")
    parser.add_argument("--learning_rate", type=float, default=2.0e-6, help="learning rate")
    parser.add_argument("--unet_lr", type=float, default=None, help="learning rate of the unet")
    parser.add_argument("--text_encoder_lr", type=float, default=None, nargs="*", help="learning rate of the text encoder")
    parser.add_argument("--lr_scheduler", type=str, default="constant", help="scheduler of the learning rate")
    parser.add_argument("--lr_warmup_steps", type=float, default=0, help="steps, or ratio of steps if below 1")


def read_config_from_file(args: argparse.Namespace, parser: argparse.ArgumentParser) -> argparse.Namespace:
    """As sd-scripts: sections are flattened, the command line wins, nothing is checked."""
    if not args.config_file:
        return args
    with open(args.config_file, encoding="utf-8") as stream:
        config = toml.load(stream)
    flat = {}
    for key, value in config.items():
        flat.update(value if isinstance(value, dict) else {key: value})
    return parser.parse_args(namespace=argparse.Namespace(**flat))


def parse_optimizer_args(args: argparse.Namespace) -> dict:
    kwargs = {}
    for item in args.optimizer_args or []:
        key, value = item.split("=")
        kwargs[key] = ast.literal_eval(value)
    return kwargs


def optimizer_class(name: str, kwargs: dict):
    """The class that `--optimizer_type` means, as sd-scripts' get_optimizer resolves it."""
    low = name.lower()
    bitsandbytes = {
        n.lower(): n for n in ("AdamW8bit", "Lion8bit", "PagedAdamW8bit", "PagedLion8bit", "PagedAdamW", "PagedAdamW32bit")
    }
    dadapt = {n.lower(): n for n in ("DAdaptAdaGrad", "DAdaptAdam", "DAdaptAdan", "DAdaptLion", "DAdaptSGD")}
    if low in bitsandbytes:
        return getattr(importlib.import_module("bitsandbytes").optim, bitsandbytes[low])
    if low in dadapt:
        return getattr(importlib.import_module("dadaptation"), dadapt[low])
    if low in ("dadaptation", "dadaptadampreprint"):
        return importlib.import_module("dadaptation.experimental").DAdaptAdamPreprint
    if low == "dadaptadanip":
        return importlib.import_module("dadaptation.experimental").DAdaptAdanIP
    if low == "prodigy":
        return importlib.import_module("prodigyopt").Prodigy
    if low == "adafactor":
        kwargs.setdefault("relative_step", True)
        return importlib.import_module("transformers.optimization").Adafactor
    if low == "lion":
        return importlib.import_module("lion_pytorch").Lion
    if low in ("sgdnesterov", "sgdnesterov8bit"):
        kwargs.setdefault("nesterov", True)
        kwargs.setdefault("momentum", 0.9)
        return torch.optim.SGD if low == "sgdnesterov" else importlib.import_module("bitsandbytes").optim.SGD8bit
    if low in ("radamschedulefree", "adamwschedulefree", "sgdschedulefree"):
        module = importlib.import_module("schedulefree")
        return next(getattr(module, n) for n in dir(module) if n.lower() == low)
    if low in ("", "adamw"):
        return torch.optim.AdamW
    if "." not in name:
        return getattr(torch.optim, name)
    module, _, leaf = name.rpartition(".")
    return getattr(importlib.import_module(module), leaf)


def get_optimizer(args: argparse.Namespace, trainable_params: list) -> torch.optim.Optimizer:
    kwargs = parse_optimizer_args(args)
    name = "AdamW8bit" if args.use_8bit_adam else args.optimizer_type
    kind = optimizer_class(name, kwargs)
    if name.lower() == "adafactor" and kwargs["relative_step"]:
        print("relative_step is true / relative_stepがtrueです")
        trainable_params = [{"params": group["params"]} for group in trainable_params]
        return kind(trainable_params, lr=None, **kwargs)
    print(f"use {kind.__name__} | {kwargs}")
    return kind(trainable_params, lr=args.learning_rate, **kwargs)


class Adapter(torch.nn.Module):
    """A frozen layer with a low-rank addition, as LoRA."""

    def __init__(self, base: torch.Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        self.register_buffer("base", base)
        self.lora_down = torch.nn.Linear(base.shape[1], rank, bias=False)
        self.lora_up = torch.nn.Linear(rank, base.shape[0], bias=False)
        torch.nn.init.kaiming_uniform_(self.lora_down.weight, a=math.sqrt(5))
        torch.nn.init.zeros_(self.lora_up.weight)
        self.scale = alpha / rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self.base) + self.lora_up(self.lora_down(x)) * self.scale


class Network(torch.nn.Module):
    """Two adapted layers: a caption's vector goes through the one, the distorted picture through the other."""

    def __init__(self, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        pixels = SIDE * SIDE
        self.text_encoder = Adapter(torch.randn(HIDDEN, WORDS, generator=generator) / math.sqrt(WORDS), rank, alpha)
        self.unet = Adapter(torch.randn(HIDDEN, pixels, generator=generator) / math.sqrt(pixels), rank, alpha)
        self.register_buffer("out", torch.randn(pixels, HIDDEN, generator=generator) / math.sqrt(HIDDEN))

    def forward(self, picture: torch.Tensor, caption: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.unet(picture) + self.text_encoder(caption))
        return torch.nn.functional.linear(hidden, self.out)

    def prepare_optimizer_params_with_multiple_te_lrs(self, text_encoder_lr, unet_lr, default_lr, unet_only: bool):
        """Parameter groups and their names, as networks of sd-scripts return them."""
        groups, names = [], []
        if not unet_only:
            te_lr = text_encoder_lr[0] if text_encoder_lr else default_lr
            groups.append({"params": list(self.text_encoder.parameters()), "lr": te_lr})
            names.append("textencoder")
        groups.append({"params": list(self.unet.parameters()), "lr": unet_lr or default_lr})
        names.append("unet")
        return groups, names


class Pictures(torch.utils.data.Dataset):
    """Discs, stripes, checkers and edges; the target is each picture in a style that the base model does not know.

    The style is a low-rank change of the base weights, so adapters of a large enough rank can learn it.
    """

    def __init__(self, network: Network, generator: torch.Generator) -> None:
        y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
        shift = torch.rand(PICTURES, 2, 1, 1, generator=generator) - 0.5
        x, y = x + shift[:, 0], y + shift[:, 1]
        kinds = [x.square() + y.square() < 0.3, (x * 3).sin() > 0, (x * 4).sin() * (y * 4).sin() > 0, y > x]
        which = torch.arange(PICTURES) % len(kinds)
        shapes = torch.stack(kinds)[which, torch.arange(PICTURES)].float().flatten(1) * 2 - 1
        self.picture = shapes + torch.randn(shapes.shape, generator=generator) * 0.3
        self.caption = torch.nn.functional.one_hot(which, WORDS).float() * math.sqrt(WORDS)
        with torch.no_grad():
            styled = copy.deepcopy(network)
            for adapter in (styled.text_encoder, styled.unet):
                left = torch.randn(HIDDEN, STYLE_RANK, generator=generator) / math.sqrt(STYLE_RANK)
                adapter.base += (
                    left @ torch.randn(STYLE_RANK, adapter.base.shape[1], generator=generator) / math.sqrt(adapter.base.shape[1])
                )
            self.target = styled(self.picture, self.caption)

    def __len__(self) -> int:
        return PICTURES

    def __getitem__(self, index: int):
        return self.picture[index], self.caption[index], self.target[index]


def get_scheduler(args: argparse.Namespace, optimizer: torch.optim.Optimizer):
    """The schedulers that the demo offers, with the formulas of diffusers; None where the optimizer has its own."""
    if args.optimizer_type.lower().endswith("schedulefree"):
        return None  # sd-scripts: a scheduler that does nothing
    if optimizer.param_groups[0]["lr"] is None:
        return None
    warmup = args.lr_warmup_steps or 0
    warmup = int(warmup * args.max_train_steps) if warmup < 1 else int(warmup)
    rest = max(1, args.max_train_steps - warmup)
    shapes = {
        "constant": lambda step: 1.0,
        "constant_with_warmup": lambda step: 1.0,
        "linear": lambda step: max(0.0, 1 - step / rest),
        "cosine": lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / rest))),
    }
    if args.lr_scheduler not in shapes:
        raise ValueError(f"{args.lr_scheduler} is not a valid SchedulerType, please select one of {list(shapes)}")
    if args.lr_scheduler == "constant" and warmup:
        raise ValueError("SchedulerType.CONSTANT does not require `num_warmup_steps`. Set None or 0.")
    shape = shapes[args.lr_scheduler]

    def factor(step: int) -> float:
        return step / warmup if step < warmup else shape(step - warmup)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def save_model(args: argparse.Namespace, network: Network, name: str, step: int) -> None:
    os.makedirs(args.output_dir or ".", exist_ok=True)
    path = os.path.join(args.output_dir or ".", name + ".safetensors")
    print(f"\nsaving checkpoint: {path}\n")
    weights = {key: value.contiguous() for key, value in network.state_dict().items() if "lora" in key}
    save_file(weights, path, {"ss_training_comment": "Caddie demo", "ss_steps": str(step)})


def save_state(args: argparse.Namespace, accelerator: Accelerator, step: int) -> None:
    folder = os.path.join(args.output_dir or ".", f"{args.output_name or 'last'}-step{step:08d}-state")
    print(f"\nsaving state at step {step}")
    accelerator.save_state(folder)
    with open(os.path.join(folder, "train_state.json"), "w", encoding="utf-8") as file:
        json.dump({"current_epoch": 1, "current_step": step}, file)


def remove_old(args: argparse.Namespace, step: int) -> None:
    """sd-scripts' get_remove_step_no and what follows from it."""
    if args.save_last_n_steps is None:
        return
    remove = step - args.save_last_n_steps - 1
    remove -= remove % args.save_every_n_steps
    old = os.path.join(args.output_dir or ".", f"{args.output_name or 'last'}-step{remove:08d}.safetensors")
    if remove >= 0 and os.path.exists(old):
        print(f"removing old checkpoint: {old}")
        os.remove(old)


def sample_images(accelerator: Accelerator, args: argparse.Namespace, epoch, step: int, network) -> None:
    """Draws what the network makes of noise, by sd-scripts' rules of when."""
    if args.sample_every_n_steps is None and args.sample_every_n_epochs is None:
        return
    if args.sample_every_n_epochs is not None:
        if epoch is None or epoch % args.sample_every_n_epochs != 0:
            return
    elif step % args.sample_every_n_steps != 0 or epoch is not None:
        return
    from PIL import Image

    with open(args.sample_prompts, encoding="utf-8") as file:
        prompts = [line for line in file.read().splitlines() if line]
    folder = os.path.join(args.output_dir or ".", "sample")
    os.makedirs(folder, exist_ok=True)
    random_state = torch.get_rng_state()
    for number, prompt in list(enumerate(prompts))[accelerator.process_index :: accelerator.num_processes]:
        torch.manual_seed(len(prompt))
        with torch.no_grad():
            out = accelerator.unwrap_model(network)(torch.randn(1, SIDE * SIDE), torch.zeros(1, WORDS))
        pixels = ((out.clamp(-1, 1) + 1) * 127.5).to(torch.uint8).reshape(SIDE, SIDE).numpy()
        Image.fromarray(pixels).save(os.path.join(folder, f"{args.output_name or 'last'}_{step:06d}_{number:02d}.png"))
    torch.set_rng_state(random_state)


def log_step(accelerator, args, optimizer, scheduler, names, loss: float, average: float, step: int) -> None:
    if not args.logging_dir:
        return
    rates = scheduler.get_last_lr() if scheduler else [group["lr"] or 0.0 for group in optimizer.param_groups]
    logs = {"loss/current": loss, "loss/average": average}
    for name, lr, group in zip(names, rates, optimizer.param_groups, strict=True):
        logs[f"lr/{name}"] = float(lr)
        if args.optimizer_type.lower().startswith("dadapt") or args.optimizer_type.lower() == "prodigy":
            logs[f"lr/d*lr/{name}"] = float(group["d"] * group["lr"])
    accelerator.log(logs, step=step)


def train(args: argparse.Namespace) -> None:
    if args.seed is not None:
        set_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed or 0)
    accelerator = Accelerator(
        gradient_accumulation_steps=args.gradient_accumulation_steps,
        mixed_precision=args.mixed_precision,
        log_with="tensorboard" if args.logging_dir else None,
        project_dir=args.logging_dir and os.path.join(args.logging_dir, time.strftime("%Y%m%d%H%M%S")),
        cpu=not torch.cuda.is_available(),
    )
    print(f"accelerator device: {accelerator.device}")
    network = Network(args.network_dim or 4, args.network_alpha, generator)
    for buffer in network.buffers():
        buffer.requires_grad_(False)
    print(f"import network module: {args.network_module or 'demo'}")
    trainable_params, lr_descriptions = network.prepare_optimizer_params_with_multiple_te_lrs(
        args.text_encoder_lr, args.unet_lr, args.learning_rate, args.network_train_unet_only
    )
    optimizer = get_optimizer(args, trainable_params)
    loader = torch.utils.data.DataLoader(Pictures(network, generator), batch_size=args.train_batch_size, shuffle=True)
    steps_per_epoch = math.ceil(len(loader) / args.gradient_accumulation_steps)
    if args.max_train_epochs is not None:
        args.max_train_steps = args.max_train_epochs * steps_per_epoch
    lr_scheduler = get_scheduler(args, optimizer)
    network, optimizer, train_dataloader = accelerator.prepare(network, optimizer, loader)
    if lr_scheduler is not None:
        lr_scheduler = accelerator.prepare(lr_scheduler)
    if args.logging_dir:
        accelerator.init_trackers("network_train")
    epochs = math.ceil(args.max_train_steps / steps_per_epoch)
    print("running training / 学習開始")
    print(f"  num train images * repeats / 学習画像の数×繰り返し回数: {PICTURES}")
    print(f"  num epochs / epoch数: {epochs}")
    print(f"  total optimization steps / 学習ステップ数: {args.max_train_steps}")
    global_step = args.initial_step or 0
    if args.resume:
        accelerator.load_state(args.resume)
        with open(os.path.join(args.resume, "train_state.json"), encoding="utf-8") as file:
            global_step = json.load(file)["current_step"]
    progress_bar = tqdm(range(args.max_train_steps - global_step), smoothing=0, desc="steps")
    if hasattr(optimizer, "train") and args.optimizer_type.lower().endswith("schedulefree"):
        optimizer.train()
    recent = []
    for epoch in range(epochs):
        print(f"\nepoch {epoch + 1}/{epochs}\n")
        for picture, caption, target in train_dataloader:
            with accelerator.accumulate(network):
                noise = torch.randn_like(picture) * 0.1
                loss = torch.nn.functional.mse_loss(network(picture + noise, caption), target)
                accelerator.backward(loss)
                if accelerator.sync_gradients and args.max_grad_norm != 0.0:
                    accelerator.clip_grad_norm_(network.parameters(), args.max_grad_norm)
                optimizer.step()
                if lr_scheduler is not None:
                    lr_scheduler.step()
                optimizer.zero_grad(set_to_none=True)
            current_loss = loss.detach().item()
            recent = [*recent, current_loss][-len(train_dataloader) :]
            average = sum(recent) / len(recent)
            if accelerator.sync_gradients:
                progress_bar.update(1)
                global_step += 1
                sample_images(accelerator, args, None, global_step, network)
                if args.save_every_n_steps is not None and global_step % args.save_every_n_steps == 0:
                    accelerator.wait_for_everyone()
                    if accelerator.is_main_process:
                        name = f"{args.output_name or 'last'}-step{global_step:08d}"
                        save_model(args, accelerator.unwrap_model(network), name, global_step)
                        if args.save_state:
                            save_state(args, accelerator, global_step)
                        remove_old(args, global_step)
            progress_bar.set_postfix(avr_loss=average)
            log_step(accelerator, args, optimizer, lr_scheduler, lr_descriptions, current_loss, average, global_step)
            if global_step >= args.max_train_steps:
                break
        accelerator.wait_for_everyone()
        saving = args.save_every_n_epochs is not None and (epoch + 1) % args.save_every_n_epochs == 0 and epoch + 1 < epochs
        if accelerator.is_main_process and saving:
            save_model(args, accelerator.unwrap_model(network), f"{args.output_name or 'last'}-{epoch + 1:06d}", global_step)
            if args.save_state:
                save_state(args, accelerator, global_step)
        sample_images(accelerator, args, epoch + 1, global_step, network)
        if global_step >= args.max_train_steps:
            break
    is_main_process, network = accelerator.is_main_process, accelerator.unwrap_model(network)
    accelerator.end_training()
    if is_main_process:
        save_model(args, network, args.output_name or "last", global_step)
    print("model saved.", file=sys.stderr)


if __name__ == "__main__":
    parser = setup_parser()
    train(read_config_from_file(parser.parse_args(), parser))
