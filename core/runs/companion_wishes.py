"""What somebody asks of the script while it trains: save now, sample now, pause, save and then stop.

The script does all of it itself. Its own rules for saving and drawing are made true for exactly one step, in the arguments
that it parsed (`args.save_every_n_steps` and the like), so names, contents and the state that `--resume` takes are its own.
Afterwards the arguments are as before, and what was told is what came to lie on the disk. Wishes are files (docs/run-folder.md).

Several processes have to do the same in the same step, else one would wait for the others for ever: the first one reads the
wishes and writes down beside them which step they are for, one step ahead. No other can begin that step before it is written,
since each has waited for the gradients of the step before.

Standard library only, like `companion.py` beside it.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from core.runs import companion_values as values
    from core.runs.companion_watch import Watch
else:
    import companion_values as values

_LOOK = 0.2  # seconds between two looks at the folder, whatever a step takes
_AGREED = "agreed"
_DEAF = "deaf"
_SPARE = 64 << 20  # bytes left on the disk after a save
_PROMPTS = (".txt", ".toml", ".json")  # sd-scripts fails on others


class Order:
    """What was asked for in one step, and what became of it."""

    def __init__(self, wishes: list[str], step: int) -> None:
        self.wishes, self.step = wishes, step
        self.changed: list[tuple[Any, str, Any, Any]] = []  # object, attribute, value before, value now
        self.wrote: dict[str, list[str]] = {}  # kind -> paths
        self.waits_for_state = self.met = False

    @property
    def saves(self) -> bool:
        return "save" in self.wishes or "save-then-stop" in self.wishes

    def change(self, args: Any, name: str, value: Any) -> None:
        if hasattr(args, name) and getattr(args, name) != value:
            self.changed.append((args, name, getattr(args, name), value))
            setattr(args, name, value)

    def restore(self, prefix: str = "") -> None:
        """Gives the script its arguments back, those apart that it has changed itself."""
        for entry in [entry for entry in self.changed if entry[1].startswith(prefix)]:
            args, name, before, now = entry
            self.changed.remove(entry)
            if getattr(args, name, None) == now:
                setattr(args, name, before)


class Wishes:
    """The wishes of this training. Every method is called between or within steps by the hooks of `companion.py`."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.folder = os.path.join(os.path.dirname(watch.stop), "wishes") if watch.stop else None
        self.rank, self.size = int(os.environ.get("RANK") or 0), int(os.environ.get("WORLD_SIZE") or 1)
        if self.size > int(os.environ.get("LOCAL_WORLD_SIZE") or self.size):
            self.folder = None  # several machines have no folder in common
        self.whole, self.turn = True, 0  # nothing of a step is done yet; how many steps were begun
        self.order: Order | None = None
        self.plans: dict[str, Any] = {}  # what several processes agreed on, by turn
        self.looked = float("-inf")
        self.stuck: set[str] = set()  # wishes whose files cannot be taken away
        self.holding = self.ending = False

    # --- called by the hooks -----------------------------------------------------------------------------------

    def safely(self, action: Any, *arguments: Any) -> None:
        """A fault in here ends the wishes and nothing else."""
        if self.folder is None or os.getpid() != self.watch.pid:
            return
        try:
            action(*arguments)
        except Exception as error:
            self.give_up(f"{type(error).__name__}: {error}"[:500])

    def give_up(self, why: str) -> None:
        folder, self.folder, order, self.order = str(self.folder), None, self.order, None
        with contextlib.suppress(Exception):
            if order is not None:
                order.restore()
        with contextlib.suppress(OSError):
            if self.rank:  # else the first process would do something that this one does not
                open(os.path.join(folder, _DEAF), "w").close()
            else:
                self.watch.warn("wishes-failed", self.watch.step, why)

    def begin_step(self) -> None:
        """Nothing is half done: what the last step was asked for is looked at, and what the next one is."""
        if not self.whole:
            return
        self.whole = False
        self.turn += 1
        self.settle()
        if self.turn > 1 and not self.ending and not self.watch.stopping:  # before the first step there is nothing to save
            self.arm(self.alone() if self.size == 1 else self.together())

    def backward(self, accelerator: Any) -> None:
        """A micro-batch is done."""
        self.whole = getattr(accelerator, "sync_gradients", True)

    def waits(self) -> None:
        """All processes meet: before a save of the script, at the end of an epoch, or within something else."""
        order = self.order
        if order is None or not values.called_by_loop(self.watch.folder):
            return
        order.restore("sample")
        if order.saves and not order.met:
            order.met = True
        else:
            self.settle()

    def wrote(self, path: Any, kind: str) -> None:
        """The script wrote a file, or a folder of state."""
        order = self.order
        path = os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, os.PathLike)) else ""
        parent = os.path.dirname(path)
        if order is None or not path or (kind == "weights" and parent.endswith("-state")):
            return
        if kind != "sample" or os.path.basename(parent) == "sample":
            order.wrote.setdefault(kind, []).append(path)

    def ends_now(self) -> bool:
        """Whether the end that was asked for may come: a save that was asked for before comes first."""
        if self.rank:
            return False  # the first process ends, and with it the others
        waits = self.folder is not None and self.turn > 1 and os.path.exists(os.path.join(self.folder, "save-at-stop"))
        return self.ending or not waits

    def able(self, found: dict[str, Any]) -> list[str] | None:
        """What can be asked of this script."""
        if self.folder is None:
            return None
        args = found.get("args")
        known = isinstance(found.get("global_step"), int)
        save = known and hasattr(args, "save_every_n_steps") and bool(getattr(args, "output_dir", None))
        sample = known and hasattr(args, "sample_every_n_steps") and self.prompts(args)
        return [name for name, on in (("save", save), ("sample", sample), ("pause", True)) if on]

    # --- looking -----------------------------------------------------------------------------------------------

    def look(self) -> tuple[list[str], bool]:
        """What is asked for now, and whether to hold."""
        asked = self.watch.asked()
        if not self.holding and not asked and time.monotonic() - self.looked < _LOOK:
            return [], False
        self.looked = time.monotonic()
        try:
            names = set(os.listdir(self.folder)) - self.stuck
        except OSError:
            return [], False
        if _DEAF in names:
            self.give_up("another process hears no wishes")
            return [], False
        if asked:  # nothing else matters then
            return ["save-then-stop"] if "save-at-stop" in names else [], False
        return [name for name in ("save", "sample") if name in names], "pause" in names

    def alone(self) -> list[str]:
        found, paused = self.look()
        wishes = self.accept(found)
        while paused and not wishes and not self.watch.asked():
            self.hold()
            found, paused = self.look()
            wishes = self.accept(found)
        self.go_on(paused)
        return wishes

    def together(self) -> list[str]:
        """As `alone`, for several processes: what was agreed on for this step, and what is for the next."""
        key = str(self.turn)
        if self.rank:
            plan = self.agreed().get(key) or {}
            while plan.get("hold") and not self.watch.asked():
                time.sleep(_LOOK / 4)
                plan = self.agreed().get(key) or {}
            return plan.get("wishes", [])
        plan = self.plans.get(key) or {"wishes": [], "hold": False}
        paused = plan["hold"]
        while paused and not plan["wishes"] and not self.watch.asked():
            self.hold()
            found, paused = self.look()
            plan["wishes"] = self.accept(found)
        plan["hold"] = False
        self.go_on(paused)
        # During a pause each wish is one more step: the one after which the script saves or draws.
        found, later = ([], False) if plan["wishes"] else self.look()
        wishes = self.accept(found, ahead=1)
        if wishes or later or paused:
            self.plans[str(self.turn + 1)] = {"wishes": wishes, "hold": later or paused}
        if self.plans:
            self.plans = {turn: kept for turn, kept in self.plans.items() if int(turn) >= self.turn - 1}
            self.agree()
        return plan["wishes"]

    def agree(self) -> None:
        path = os.path.join(str(self.folder), _AGREED)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.plans, file)
        for tries in range(20):
            try:
                return os.replace(path + ".new", path)
            except PermissionError:  # Windows: another process reads it right now
                if tries == 19:
                    raise
                time.sleep(0.05)
        return None

    def agreed(self) -> dict[str, Any]:
        for _ in range(20):
            try:
                with open(os.path.join(str(self.folder), _AGREED), encoding="utf-8") as file:
                    return json.load(file)
            except FileNotFoundError:
                break
            except PermissionError:  # Windows: it is being replaced
                time.sleep(0.05)
        return {}

    def hold(self) -> None:
        before = time.perf_counter()
        if not self.holding:
            self.holding = True
            self.tell("pause", "done")
        time.sleep(_LOOK)
        if self.watch.last is not None:
            self.watch.last += time.perf_counter() - before  # a pause is no part of a step's time

    def go_on(self, paused: bool) -> None:
        if self.holding and not paused:
            self.holding = False
            if not self.watch.asked():
                self.tell("go-on", "done")

    # --- doing -------------------------------------------------------------------------------------------------

    def accept(self, wishes: list[str], ahead: int = 0) -> list[str]:
        """Those that the script can fulfil; all are told of, and their files are gone."""
        if not wishes:
            return []
        found = values.script_variables(self.watch.folder)
        done = found.get("global_step")
        step = (done if isinstance(done, int) else self.watch.step) + 1 + ahead
        good: list[str] = []
        for wish in wishes:
            self.take(wish)
            why = self.hindrance(wish, found)
            self.tell(wish, "failed" if why else "heard", step=step, detail=why)
            if not why:
                good.append(wish)
            elif wish == "save-then-stop":
                self.withdraw()
        return good

    def arm(self, wishes: list[str]) -> None:
        """Makes the script's own rules true for the step that begins."""
        if not wishes:
            return
        found = values.script_variables(self.watch.folder)
        args, step = found["args"], found["global_step"] + 1
        self.order = order = Order(wishes, step)
        if "sample" in wishes and not (args.sample_every_n_epochs is None and due(args.sample_every_n_steps, step)):
            order.change(args, "sample_every_n_epochs", None)
            order.change(args, "sample_every_n_steps", step)
        if order.saves:
            # The step's own number: by sd-scripts' rule no older file is deleted then.
            if not due(args.save_every_n_steps, step):
                order.change(args, "save_every_n_steps", step)
            order.waits_for_state = hasattr(args, "save_state")
            order.change(args, "save_state", True)

    def hindrance(self, wish: str, found: dict[str, Any]) -> str:
        """Why the script would not do it, or fail on it; "" where nothing is known."""
        able, args = self.able(found) or (), found.get("args")
        if not isinstance(found.get("global_step"), int) or args is None:
            return "no-loop"
        if wish == "sample":
            return "" if "sample" in able else "no-prompts" if hasattr(args, "sample_every_n_steps") else "no-loop"
        if "save" not in able:
            return "no-output" if hasattr(args, "save_every_n_steps") else "no-loop"
        return "disk-full" if self.room(args) < self.needed(found) else ""

    @staticmethod
    def prompts(args: Any) -> bool:
        path = getattr(args, "sample_prompts", None)
        return isinstance(path, str) and path.endswith(_PROMPTS) and os.path.isfile(path)

    @staticmethod
    def room(args: Any) -> float:
        folder = os.path.abspath(args.output_dir)
        while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
            folder = os.path.dirname(folder)
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return float("inf")

    @staticmethod
    def needed(found: dict[str, Any]) -> int:
        """Bytes of weights and state, roughly: a script that meets a full disk fails, and this one was only asked to save."""
        optimizer = found.get("optimizer")
        tensors = [p for group in getattr(optimizer, "param_groups", ()) for p in group["params"]] * 2
        states = [state for state in getattr(optimizer, "state", {}).values() if isinstance(state, dict)]
        tensors += [value for state in states for value in state.values()]
        return _SPARE + sum(t.numel() * t.element_size() for t in tensors if hasattr(t, "element_size"))

    def settle(self) -> None:
        """Gives the arguments back and tells what came of the wishes."""
        order, self.order = self.order, None
        if order is None:
            return
        order.restore()
        self.watch.quietly(self.watch.flush)
        for wish in order.wishes:
            paths = [path for path in order.wrote.get("sample" if wish == "sample" else "weights", ()) if os.path.exists(path)]
            why = "" if paths else "not-done"
            if paths and wish != "sample" and order.waits_for_state and not any(map(os.path.isdir, order.wrote.get("state", ()))):
                why = "no-state"
            self.tell(wish, "failed" if why else "done", step=order.step, path=paths[-1] if paths else None, detail=why)
            if wish == "save-then-stop" and not why:
                self.ending = True
            elif wish == "save-then-stop":
                self.withdraw()

    def take(self, wish: str) -> None:
        if self.rank or wish == "save-then-stop":
            return  # that one stays, like the request to stop itself
        try:
            os.unlink(os.path.join(str(self.folder), wish))
        except FileNotFoundError:
            pass
        except OSError:
            self.stuck.add(wish)  # else it would be done again after each step

    def withdraw(self) -> None:
        """A stop that was to save first, and could not: the training goes on, since its end would lose what it has learnt."""
        if self.rank or not self.watch.stop:
            return
        with contextlib.suppress(OSError, ValueError), open(self.watch.stop, encoding="utf-8") as file:
            if json.load(file).get("now"):
                self.ending = True  # meanwhile somebody wants the end in any case
                return
        with contextlib.suppress(OSError):
            os.unlink(self.watch.stop)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(str(self.folder), "save-at-stop"))

    def tell(self, wish: str, stage: str, *, step: int | None = None, path: str | None = None, detail: str = "") -> None:
        if self.rank == 0:
            done = self.watch.step if step is None else step
            with contextlib.suppress(OSError):
                self.watch.write("wished", step=done, wish=wish, stage=stage, path=path, detail=detail or None)


def due(every: Any, step: int) -> bool:
    return isinstance(every, int) and every > 0 and step % every == 0
