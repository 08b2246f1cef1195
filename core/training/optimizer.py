"""The optimizer of a job, built by the names and with the arguments that sd-scripts takes."""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.errors import CaddieError, Problems, nearest
from core.runs.companion import wants_loss
from core.text import Text
from core.training.rates.settings import OptimizerSettings

_logger = logging.getLogger(__name__)

_FIXED: Mapping[str, Mapping[str, object]] = {"SGDNesterov": {"nesterov": True}, "SGDNesterov8bit": {"nesterov": True}}
"""Arguments that sd-scripts gives itself, by catalogue entry; a job cannot give them again."""

_DEFAULTS: Mapping[str, Mapping[str, object]] = {"SGDNesterov": {"momentum": 0.9}, "SGDNesterov8bit": {"momentum": 0.9}}
"""Arguments that sd-scripts gives where the job does not, by catalogue entry."""

_LOW_RATE = 0.1
"""Up to here sd-scripts warns of the learning rate of an optimizer that is to find its own."""


class BuiltOptimizer:
    """An optimizer and what a training has to know about it.

    The emo series steers by the loss, which it takes from the closure of `step`. sd-scripts never gives it one; the
    companion can, by choice, because a job that runs there is to train as it always did. Here is no such habit to keep and
    an optimizer without what it lives by is of no use to anybody, so it always gets the loss: `hear` keeps it, and torch's
    own hook puts it into the arguments of the next step, whoever calls that (a GradScaler too).

    Attributes:
        optimizer: in training mode.
        name: dotted path of its class, as sd-scripts writes it into the metadata of the file (`ss_optimizer`).
        arguments: as sd-scripts has them there.
        is_schedule_free: it wants no scheduler.
        wants_loss: it has to hear the loss of every step.
        warnings: what sd-scripts, too, would warn of.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        arguments: Mapping[str, object] | None = None,
        *,
        is_schedule_free: bool = False,
        warnings: Sequence[Text] = (),
    ) -> None:
        self.optimizer = optimizer
        self.name = _path_of(type(optimizer))
        self.arguments = dict(arguments or {})
        self.is_schedule_free = is_schedule_free
        self.wants_loss = wants_loss(optimizer)
        self.warnings = tuple(warnings)
        self._loss: Tensor | None = None
        if self.wants_loss:
            optimizer.register_step_pre_hook(self._hand_over)
        self.train()

    @property
    def description(self) -> str:
        """Name and arguments, as sd-scripts writes them into `ss_optimizer`."""
        told = ",".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.name}({told})" if told else self.name

    def train(self) -> None:
        """The weights become those that gradients are taken of. Only the schedule-free family knows the difference."""
        self._switch("train")

    def eval(self) -> None:
        """The weights become those to be saved, sampled and validated with."""
        self._switch("eval")

    def hear(self, loss: Tensor) -> None:
        """Tells the loss of the step that comes next.

        Args:
            loss: mean over its micro-batches, shape (); where several processes train, over theirs too, or their weights
                would drift apart. It is not read here, so nothing waits for the device.
        """
        if self.wants_loss:
            self._loss = loss.detach()

    @property
    def has_modes(self) -> bool:
        """Whether the weights that it trains differ from those to be saved."""
        # By what it can do, not by its name: a class of somebody else's with both wants them called.
        return all(callable(getattr(self.optimizer, name, None)) for name in ("train", "eval"))

    def _switch(self, name: str) -> None:
        if self.has_modes:
            getattr(self.optimizer, name)()

    def _hand_over(
        self, optimizer: Optimizer, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if len(arguments) > 1 or keywords.get("closure") is not None:
            return None
        loss = self._loss
        assert loss is not None, "an optimizer that wants the loss has to hear it before each step"
        return (optimizer, lambda: loss), {}


def build_optimizer(settings: OptimizerSettings, groups: Sequence[Mapping[str, Any]], learning_rate: float) -> BuiltOptimizer:
    """Builds a job's optimizer as `get_optimizer` in sd-scripts' library/train_util.py does.

    Args:
        settings: name and arguments.
        groups: of parameters, each with its "params" and, where it has one, its own "lr"; left as they are.
        learning_rate: of the groups that have none.

    Raises:
        CaddieError: an unknown name, a package that is not installed, arguments that the class does not take or refuses.
    """
    spec = _catalogue().find(settings.name)
    chosen = _class_of(settings.name, spec)
    own = spec if spec is not None and "." not in settings.name else None
    fixed = _FIXED.get(own.id, {}) if own else {}
    arguments: dict[str, Any] = {**settings.arguments}
    for name, value in (_DEFAULTS.get(own.id, {}) if own else {}).items():
        arguments.setdefault(name, value)
    own_groups = [dict(group) for group in groups]
    rate: float | None = learning_rate
    warnings = _rate_warnings(spec, own_groups, learning_rate)
    if own is not None and own.id == "AdaFactor":
        # With a relative step it makes its own rate and refuses to be given one.
        if arguments.get("warmup_init", False):
            arguments["relative_step"] = True
        if arguments.setdefault("relative_step", True):
            rate = None
            for group in own_groups:
                group.pop("lr", None)
    _check_arguments(chosen, settings.arguments, fixed)
    try:
        optimizer: Any = chosen(own_groups, lr=rate, **fixed, **arguments)
    except Exception as error:  # whatever the class finds wrong is for the person to read
        _logger.debug("%s cannot be built", settings.name, exc_info=True)
        raise _refused(settings.name, error) from error
    if not isinstance(optimizer, Optimizer):
        raise _no_optimizer(settings.name)
    return BuiltOptimizer(optimizer, arguments, is_schedule_free=settings.is_schedule_free, warnings=warnings)


def rehearse(
    settings: OptimizerSettings,
    groups: Sequence[Mapping[str, Any]],
    learning_rate: float,
    schedule: Callable[[Optimizer], LRScheduler | None] | None = None,
) -> None:
    """Takes two steps on toy parameters with the groups of the training, before anything large is loaded.

    What an optimizer finds wrong only when it steps (different learning rates for Prodigy, for example) is found so. No
    random number of the training is used up.

    Args:
        settings, groups, learning_rate: as of `build_optimizer`; the parameters themselves are not touched.
        schedule: builds what sets the learning rates, which is tried too; a warm-up begins with a rate of 0, and not every
            optimizer can step with that.

    Raises:
        CaddieError: as of `build_optimizer`, or what a step raised.
    """
    toys: list[dict[str, Any]] = []
    devices: set[torch.device] = set()
    for group in groups:
        like: Tensor = next(iter(group["params"]))
        # As many elements as bitsandbytes needs before it keeps a state in 8 bits.
        weights = torch.linspace(-1, 1, 4096, device=like.device, dtype=like.dtype).reshape(64, 64).requires_grad_()
        toys.append({**group, "params": [weights]})
        devices.add(like.device)
    built = build_optimizer(settings, toys, learning_rate)
    rates = schedule(built.optimizer) if schedule else None
    with torch.random.fork_rng([device for device in devices if device.type == "cuda"]):
        for _ in range(2):
            for toy in toys:
                for weights in toy["params"]:
                    weights.grad = weights.detach() * 0.01 + 0.001
            built.hear(torch.full((), 0.1, device=toys[0]["params"][0].device))
            try:
                built.optimizer.step()
            except Exception as error:  # whatever the class finds wrong is for the person to read
                _logger.debug("%s cannot step", settings.name, exc_info=True)
                if any(group.get("lr") == 0 for group in built.optimizer.param_groups):
                    raise _stuck_at_zero(settings.name, error) from error
                raise _refused(settings.name, error) from error
            if rates is not None:
                rates.step()


@functools.cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def _path_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def _class_of(name: str, spec: OptimizerSpec | None) -> Callable[..., Any]:
    """The class that a name means.

    Names of sd-scripts' own are those of the catalogue that have no dot; its class path says the rest. Every other name is a
    class of torch.optim or a dotted path.
    """
    if name.lower().startswith("dadapt") and (spec is None or "." in name):
        raise _unknown(name)  # sd-scripts keeps the whole beginning to itself
    path = spec.class_path if spec is not None and "." not in name else name if "." in name else f"torch.optim.{name}"
    module_name, _, class_name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _not_importable(name, module_name, spec, error) from error
    found = getattr(module, class_name, None)
    if found is None and "." in name:
        raise _not_in_module(name, class_name, module)
    if found is None:
        raise _unknown(name)
    if not callable(found):
        raise _no_optimizer(name)
    return found


def _check_arguments(chosen: Callable[..., Any], arguments: Mapping[str, object], fixed: Mapping[str, object]) -> None:
    """Refuses all arguments at once that cannot be given."""
    parameters = inspect.signature(chosen).parameters
    known = [name for name in parameters if name not in {"params", "lr", *fixed}]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    problems: list[Text] = []
    for name in arguments:
        if name in {"lr", "params"}:
            problems.append(Text(f"{name}: say learning_rate instead", f"{name}: 代わりに learning_rate を指定してください"))
        elif name in fixed:
            problems.append(Text(f"{name}: it is {fixed[name]} always", f"{name}: 常に {fixed[name]} です"))
        elif name not in known and not takes_all:
            near = nearest(name, known)
            hint, hint_ja = (f"; did you mean {near}?" if near else ""), (f" ({near} のことですか?)" if near else "")
            problems.append(Text(f"{name}: there is no such argument{hint}", f"{name}: そのような引数はありません{hint_ja}"))
    if problems:
        called = getattr(chosen, "__name__", str(chosen))
        raise Problems(
            Text(f"{called} cannot take these optimizer_args:", f"{called} に指定できない optimizer_args があります:"), problems
        )


def _rate_warnings(spec: OptimizerSpec | None, groups: Sequence[Mapping[str, Any]], learning_rate: float) -> list[Text]:
    """What sd-scripts warns of where an optimizer finds its own learning rate."""
    if spec is None or spec.logging.d_key is None:
        return []
    rates = [float(group.get("lr", learning_rate)) for group in groups]
    warnings: list[Text] = []
    if rates and rates[0] <= _LOW_RATE:
        warnings.append(
            Text(
                f"{spec.id} finds the learning rate itself and multiplies it by learning_rate, which is best left at 1; it is "
                f"{rates[0]:g}.",
                f"{spec.id} は学習率を自動で求め、それに learning_rate を掛けます。learning_rate は 1 が推奨ですが、{rates[0]:g} に"
                "なっています。",
            )
        )
    if len(set(rates)) > 1:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        warnings.append(
            Text(
                f"{spec.id} is meant for a single learning rate, and here are several: {listed}.",
                f"{spec.id} は学習率を 1 つだけ使う方式ですが、複数指定されています: {listed}。",
            )
        )
    return warnings


def _unknown(name: str) -> CaddieError:
    catalogue = _catalogue()
    meant = catalogue.meant_by(name)
    own = [spec.optimizer_type for spec in catalogue]
    classes = [word for word, value in vars(torch.optim).items() if isinstance(value, type) and issubclass(value, Optimizer)]
    near = meant.optimizer_type if meant else nearest(name, [*own, *classes])
    hint = f" Did you mean {near}?" if near else ""
    hint_ja = f" {near} のことですか?" if near else ""
    listed = ", ".join(own)
    return CaddieError(
        Text(
            f"There is no optimizer {name!r}.{hint} Known: {listed}; any class of torch.optim; any other by its full path "
            "(package.Class).",
            f"オプティマイザー {name!r} はありません。{hint_ja} 使えるもの: {listed}、torch.optim のクラス、またはフルパス "
            "(package.Class) で指定したクラス。",
        )
    )


def _not_in_module(name: str, class_name: str, module: Any) -> CaddieError:
    near = nearest(class_name, [word for word, value in vars(module).items() if isinstance(value, type)])
    hint = f" Did you mean {module.__name__}.{near}?" if near else ""
    hint_ja = f" {module.__name__}.{near} のことですか?" if near else ""
    return CaddieError(
        Text(
            f"The optimizer {name} cannot be found: {module.__name__} has no {class_name}.{hint}",
            f"オプティマイザー {name} が見つかりません。{module.__name__} に {class_name} はありません。{hint_ja}",
        )
    )


def _not_importable(name: str, module: str, spec: OptimizerSpec | None, error: ImportError) -> CaddieError:
    root = module.partition(".")[0]
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing and error.name != missing and missing == root:
        # The package is there; only the part of it that was named is not.
        return CaddieError(
            Text(
                f"The optimizer {name} cannot be found: {missing} has no {error.name}.",
                f"オプティマイザー {name} が見つかりません。{missing} に {error.name} はありません。",
            )
        )
    if missing:
        requirements = spec.requirements if spec else ()
        package = next((needed.package for needed in requirements if needed.module.partition(".")[0] == missing), missing)
        return CaddieError(
            Text(
                f"The optimizer {name} needs the package {package}, which is not installed. Install it: pip install {package}",
                f"オプティマイザー {name} に必要なパッケージ {package} がインストールされていません。pip install {package} で"
                "インストールしてください。",
            )
        )
    return CaddieError(
        Text(
            f"The package of the optimizer {name} is there but does not load: {error}",
            f"オプティマイザー {name} のパッケージを読み込めません: {error}",
        )
    )


def _refused(name: str, error: Exception) -> CaddieError:
    told = f"{type(error).__name__}: {error}"
    return CaddieError(
        Text(f"The optimizer {name} refuses its settings. {told}", f"オプティマイザー {name} がこの設定を受け付けません。{told}")
    )


def _stuck_at_zero(name: str, error: Exception) -> CaddieError:
    told = f"{type(error).__name__}: {error}"
    return CaddieError(
        Text(
            f"The optimizer {name} cannot step with a learning rate of 0, which a warm-up begins with. Set lr_warmup_steps to 0, or "
            f"choose its fast implementation, which can. ({told})",
            f"オプティマイザー {name} は、ウォームアップの最初に使われる学習率 0 では動きません。lr_warmup_steps を 0 にするか、"
            f"高速版の実装を選んでください。({told})",
        )
    )


def _no_optimizer(name: str) -> CaddieError:
    return CaddieError(
        Text(f"{name} is no optimizer of torch's kind.", f"{name} は torch のオプティマイザーのクラスではありません。")
    )
