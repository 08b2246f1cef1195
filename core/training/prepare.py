"""From a plan to a training that is ready to run: the rooms are put together here and nowhere else."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import CaddieError
from core.options.snapshot import snapshot_for
from core.text import Text
from core.training.compiling import quicken
from core.training.control import Control
from core.training.data.cache import LatentStore, TextStore, cache_latents, cache_text
from core.training.data.check import check_data
from core.training.data.contents import DataReport, DatasetContents
from core.training.data.dataset import Dataset, Pace
from core.training.forward import Forward
from core.training.header import ModelHash, data_texts
from core.training.loop import Length, Trainer, length_of
from core.training.lora.casts import Casts
from core.training.lora.files import LoraFile, read_lora, save_lora
from core.training.lora.metadata import TrainingFacts, header_texts
from core.training.lora.network import LoraNetwork, build_network, merge_lora
from core.training.lora.settings import SavePrecision
from core.training.machine import Machine, find_device, machine_for, settle_threads
from core.training.models.family import ModelFacts, inspect_model
from core.training.models.hub import find_model
from core.training.models.load import Components, load_components
from core.training.models.text import encode
from core.training.moments import build_moments
from core.training.objective.objective import Objective
from core.training.optimizer import BuiltOptimizer, build_optimizer, rehearse
from core.training.plan import Plan
from core.training.randomness import seed_everything
from core.training.rates.schedules import build_schedule
from core.training.reporting import Reporter
from core.training.resume import changed_settings, refuse_if_done, settings_of
from core.training.sampling.prompts import prompts_of
from core.training.saving import Saver
from core.training.state import Place, load_place, load_tensors
from core.training.steps import Stepper
from core.training.tensorboard import TensorBoardFile
from core.training.validation import steady
from core.training.world import SharedControl, World

STRIDE = 8
"""Pixels of a side per latent, of every Stable Diffusion up to SDXL."""
LARGEST_SEED = 2**32
SAVED_AS: Mapping[SavePrecision, torch.dtype] = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Preparation:
    """Loads and builds, in the order in which faults are cheapest to find.

    Args:
        plan: what the job asks for.
        reporter: hears of warnings, and later of everything.
        control: may end the preparation too.
        device: where to train; "" for what the job says, or the best there is.
        world: the processes that train together.
    """

    def __init__(self, plan: Plan, reporter: Reporter, control: Control, device: str = "", world: World | None = None) -> None:
        self.plan = plan
        self.world = world or World()
        self.reporter = reporter
        self.control = control
        self.machine: Machine = machine_for(
            plan.loop, find_device(device or ("cpu" if plan.launch.cpu else plan.launch.device if self.world.is_alone else ""))
        )
        self._casts: Casts | None = None
        self.start, self._state = self._resumed()
        self.seed = self.world.number_from_main(self._seed())  # it may be a random one
        _try_optimizer(plan)
        models = plan.models
        self.facts: ModelFacts = inspect_model(
            find_model(models.pretrained_model_name_or_path),
            v2=models.v2,
            v_parameterization=models.v_parameterization,
            script=plan.job.script,
        )
        self.report: DataReport = check_data(plan.data, is_sdxl=self.facts.family == "sdxl", seed=self.seed)
        self.report.raise_errors()
        self.prompts = prompts_of(plan.samples)
        told = (("options", plan.warnings), ("data", self.report.warnings), ("sample-prompts", self.prompts.warnings))
        for key, warnings in told:
            for warning in warnings:
                reporter.warned(key, str(warning))

    def trainer(self) -> Trainer:
        """Loads the model and builds all that trains it.

        Raises:
            CaddieError: something is missing, broken or does not fit.
        """
        plan, machine = self.plan, self.machine
        components = load_components(self.facts, plan.models, dtype=machine.weights, device=machine.device)
        settle_threads(machine.device, components.unet)
        data, held_out = self._data(components)
        length = length_of(plan.loop, data.batches_per_epoch)
        refuse_if_done(self.start, length)
        data.pace = Pace(length.steps, plan.loop.accumulation)
        network = self._network(components)
        stepper = self._stepper(network, length)
        self._continue(network, stepper)
        forward = self._forward(components)
        header = self._header(stepper.built, length)
        saver = Saver(
            plan.saves,
            length.epochs,
            lambda path, place: self._write(network, stepper, path, header(place)),
            lambda: {"network": network.state_dict(), **stepper.state_dict()},
            self.reporter,
            writes=self.world.is_main,
        )
        if plan.log.folder and self.world.is_main:
            self.reporter.listen(TensorBoardFile(plan.log))
        self.reporter.started(stepper.built.optimizer, length.steps, stepper.built.wants_loss, samples=bool(self.prompts.prompts))
        return Trainer(
            settings=plan.loop,
            seed=self.seed,
            device=machine.device,
            data=data,
            loss_of=forward.loss,
            stepper=stepper,
            saver=saver,
            moments=build_moments(
                plan,
                prompts=self.prompts,
                held_out=held_out,
                components=components,
                network=network,
                forward=forward,
                machine=machine,
                start=self.start,
                length=length,
                reporter=self.reporter,
                control=self.control,
                tells=self.world.is_main,
            ),
            reporter=self.reporter,
            control=self.control if self.world.is_alone else SharedControl(self.control, self.world),
            start=self.start,
            world=self.world,
        )

    def _resumed(self) -> tuple[Place, dict[str, Any] | None]:
        saves = self.plan.saves
        if not saves.resume:
            return Place(), None
        folder = Path(saves.resume)
        return load_place(folder), load_tensors(folder)

    def _seed(self) -> int:
        if self._state is None:
            return self.plan.loop.seed if self.plan.loop.seed is not None else random.randrange(LARGEST_SEED)
        if self.plan.loop.seed not in {None, self.start.seed}:
            raise CaddieError(
                Text(
                    f"The saved training had the seed {self.start.seed}, and the job has {self.plan.loop.seed}: it would not go on "
                    "as it was. Take the seed out of the job, or set it to the old one.",
                    f"保存された学習のシードは {self.start.seed} ですが、ジョブでは {self.plan.loop.seed} です。"
                    "同じ学習を再開するには、ジョブのシードを消すか元の値に戻してください。",
                )
            )
        return self.start.seed

    def _data(self, components: Components) -> tuple[Dataset, Dataset | None]:
        """What is trained on, and what is held out; with caches where the job wants them."""
        settings = self.plan.data
        data = self._dataset(self.report.datasets, components, (self.world.rank, self.world.size))
        held_out = self._dataset(steady(self.report.held_out), components) if self.report.held_out else None
        images = (*data.images, *(held_out.images if held_out else ()))
        if settings.caches_latents:
            store = LatentStore(is_sdxl=self.report.is_sdxl, stride=STRIDE, scale=components.latent_scale)
            with self._in_turn(settings.cache_latents_to_disk):
                cache_latents(
                    images,
                    _latent_encoder(components, self.machine.device),
                    store,
                    to_disk=settings.cache_latents_to_disk,
                    batch_size=settings.vae_batch_size,
                    seed=self.seed,
                    told=self._told,
                )
            components.vae.to(device="cpu")  # pyright: ignore[reportCallIssue]
            for one in filter(None, (data, held_out)):
                one.latents = store
        if settings.caches_text:
            texts = TextStore(components.tokenizers, settings.max_token_length, weighted=settings.weighted_captions)
            with self._in_turn(settings.cache_text_to_disk):
                cache_text(
                    images,
                    lambda ids, weights: _text_pair(components, ids, weights),
                    texts,
                    first_width=int(components.text_encoders[0].config.hidden_size),  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
                    to_disk=settings.cache_text_to_disk,
                    batch_size=settings.vae_batch_size,
                    told=self._told,
                )
            for encoder in components.text_encoders:
                encoder.to("cpu")
            for one in filter(None, (data, held_out)):
                one.texts = texts
        return data, held_out

    def _dataset(self, contents: Sequence[DatasetContents], components: Components, part: tuple[int, int] = (0, 1)) -> Dataset:
        return Dataset(contents, self.plan.data, seed=self.seed, tokenizers=components.tokenizers, stride=STRIDE, part=part)

    def _in_turn(self, to_disk: bool) -> AbstractContextManager[None]:
        """A cache on the disk is written by the main process; in memory each process needs its own."""
        return self.world.main_first() if to_disk and not self.world.is_alone else contextlib.nullcontext()

    def _told(self, done: int, of: int) -> None:
        if self.control.wait_here():
            raise KeyboardInterrupt

    def _network(self, components: Components) -> LoraNetwork:
        settings, family = self.plan.network, self.facts.family
        for path, factor in settings.base_weights:
            merge_lora(components.unet, components.text_encoders, read_lora(Path(path)), factor, family=family)
        file: LoraFile | None = read_lora(Path(settings.weights)) if settings.weights else None
        seed_everything(self.seed, "network")
        network = build_network(components.unet, components.text_encoders, settings, family=family, file=file)
        network = network.to(self.machine.device, self.machine.network)
        if self.machine.autocast is not None and self.machine.autocast is not self.machine.network:
            self._casts = Casts(network.loras, self.machine.autocast)
        self.world.take_from_main([parameter.data for parameter in network.parameters()])
        return network

    def _stepper(self, network: LoraNetwork, length: Length) -> Stepper:
        rates = self.plan.rates
        groups = network.parameter_groups(rates.learning_rate)
        rehearse(rates.optimizer, groups.groups, rates.learning_rate)
        built = build_optimizer(rates.optimizer, groups.groups, rates.learning_rate)
        for warning in built.warnings:
            self.reporter.warned("optimizer", str(warning))
        schedule = build_schedule(rates, built.optimizer, length.steps)
        return Stepper(built, schedule, groups.names, self.machine, self.plan.loop, world=self.world, casts=self._casts)

    def _continue(self, network: LoraNetwork, stepper: Stepper) -> None:
        """Takes the saved state, or the place where the job wants to begin."""
        if self._state is not None:
            asked = settings_of(stepper.built)
            try:
                network.load_state_dict(self._state["network"])
                stepper.load_state_dict(self._state)
            except (KeyError, RuntimeError, ValueError) as error:
                first = str(error).splitlines()[0]
                raise CaddieError(
                    Text(
                        f"The saved state does not fit this job (another rank, optimizer or model?): {first}",
                        f"保存された状態がこのジョブに合いません (ランク、オプティマイザー、モデルが違う可能性があります): {first}",
                    )
                ) from error
            self._state = None
            for text in changed_settings(asked, settings_of(stepper.built)):
                self.reporter.warned("resume", str(text))
        self.start = replace(self.start, seed=self.seed)

    def _forward(self, components: Components) -> Forward:
        plan, machine = self.plan, self.machine
        trains_text = plan.network.train_text and plan.network.text_encoder_lr != 0 and not plan.data.caches_text
        unet = components.unet
        if machine.unet is not machine.weights:
            _store_in(unet, machine.unet)
            for encoder in components.text_encoders if plan.loop.fp8_text else ():
                _store_in(encoder, machine.unet)
        if plan.loop.checkpointing:
            unet.enable_gradient_checkpointing()
            for encoder in components.text_encoders if trains_text else ():
                _checkpoint(encoder)
        quicken(unet, machine.device, compiles=plan.loop.compile, warn=lambda why: self.reporter.warned("torch-compile", why))
        objective = Objective(plan.objective, components.alphas_cumprod.to(machine.device), self.facts.prediction)
        return Forward(
            components,
            objective,
            machine,
            clip_skip=plan.models.clip_skip,
            trains_text=trains_text,
            checkpointing=plan.loop.checkpointing,
            casts=self._casts,
        )

    def _header(self, built: BuiltOptimizer, length: Length) -> Callable[[Place], Mapping[str, str]]:
        """What the header of a file says that is saved at a place."""
        plan, started, session = self.plan, time.time(), random.getrandbits(32)
        known = snapshot_for(plan.job.script)
        assert known is not None, "the plan takes only scripts that are known"
        data = data_texts(plan, self.report, length)
        hashes = [ModelHash(self.facts.path, _hub_name(plan.models.pretrained_model_name_or_path))]
        if plan.models.vae:
            hashes.append(ModelHash(find_model(plan.models.vae), _hub_name(plan.models.vae), "vae"))

        def texts(place: Place) -> Mapping[str, str]:
            facts = TrainingFacts(
                family=self.facts.family,
                v_prediction=self.facts.prediction == "v_prediction",
                started=started,
                saved=time.time(),
                session=session,
                steps=place.step,
                epoch=place.epochs_begun,
                optimizer=built.description,
                more={**data, **{key: text for one in hashes for key, text in one.texts().items()}, "ss_seed": self.seed},
            )
            return header_texts(plan.job.options, known, plan.network, plan.files, facts)

        return texts

    def _write(self, network: LoraNetwork, stepper: Stepper, path: Path, header: Mapping[str, str]) -> None:
        precision = self.plan.files.precision
        with stepper.resting():
            tensors = network.tensors(None if precision is None else SAVED_AS[precision])
        if self.world.is_main:
            save_lora(path, tensors, header)


def prepare(plan: Plan, reporter: Reporter, control: Control, device: str = "", world: World | None = None) -> Trainer:
    """Makes a training ready.

    Args:
        plan: what the job asks for.
        reporter: hears of everything.
        control: may ask for something while it runs.
        device: "cuda:1", "cpu", …; "" for what the job says, or the best there is.
        world: the processes that train together; this one alone if None.

    Raises:
        Problems: images or captions that are in the way.
        CaddieError: anything else that is missing, broken or does not fit.
    """
    return Preparation(plan, reporter, control, device, world).trainer()


def _try_optimizer(plan: Plan) -> None:
    """Builds and steps the optimizer on a toy, with its schedule: a wrong argument is found before the model is loaded.

    Raises:
        CaddieError: it cannot be built or stepped.
    """
    rates = plan.rates
    # How many steps epochs are is not known yet, and hardly matters here.
    steps = plan.loop.steps if plan.loop.epochs is None else 1_000_000
    groups = [{"params": [torch.zeros(1)], "lr": rates.learning_rate}]
    rehearse(rates.optimizer, groups, rates.learning_rate, lambda optimizer: build_schedule(rates, optimizer, steps))


def _hub_name(name: str) -> str:
    """A model's name where it is one of the hub's; its cache's folders are called after hashes."""
    return "" if Path(name).exists() else name


def _latent_encoder(components: Components, device: torch.device) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    vae = components.vae

    @torch.no_grad()
    def latents_of(images: Tensor) -> tuple[Tensor, Tensor]:
        spread: Any = vae.encode(images.to(device, vae.dtype)).latent_dist  # pyright: ignore[reportAttributeAccessIssue]
        return spread.mean.float().cpu(), spread.std.float().cpu()

    return latents_of


def _text_pair(components: Components, ids: tuple[Tensor, ...], weights: tuple[Tensor, ...] | None) -> tuple[Tensor, Tensor]:
    states = encode(components, ids, weights=weights)
    assert states.pooled is not None
    return states.hidden.float().cpu(), states.pooled.float().cpu()


def _store_in(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Keeps the weights of a model's layers in another type; autocast computes in its own.

    SDXL's projection stays as it is: what goes into it is given its type (`models.text`), and 8 bits would spoil that.
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d) and name != "text_projection":
            module.to(dtype)


def _checkpoint(encoder: Any) -> None:
    """Turns on transformers' gradient checkpointing, which goes by another name since 5.20."""
    if hasattr(encoder, "activation_checkpointing_enable"):
        encoder.activation_checkpointing_enable()
    else:
        encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    # It works in training mode alone. Only the layers that do it are put there: their parts have dropouts.
    for module in encoder.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.training = True
