"""Runs in the interpreter that is probed: says what it has, one JSON object a line, each behind a marker.

Standard library only, Python 3.8 and later, nothing of Caddie imported: the interpreter is somebody else's. Every fact
is written as soon as it is known, and a `begin` line goes before each step that can crash or hang, so that whoever
reads knows which step it was and keeps what came before.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import struct
import sys
import traceback
from typing import Any, Callable, Dict, List, Optional  # noqa: UP035  (3.8 has no collections.abc.Callable[...] at run time)

_MAX_TEXT = 600
_MAX_DOC = 20000


class _Speaker:
    """Writes facts to the real stdout; whatever else prints goes to stderr, C libraries included."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        sys.stdout.flush()
        self._stream = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
        os.dup2(2, 1)

    def say(self, kind: str, **facts: Any) -> None:
        facts["kind"] = kind
        self._stream.write("\n" + self._marker + json.dumps(facts) + "\n")
        self._stream.flush()


def _error_line(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()[:_MAX_TEXT]


def _version(package: str) -> Optional[str]:  # noqa: UP045
    from importlib import metadata

    try:
        return metadata.version(package) or None
    except Exception:  # noqa: BLE001  (a half-deleted dist-info raises many things; all mean "no version")
        return None


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def _try_import(speaker: _Speaker, module: str) -> Any:
    speaker.say("begin", step=module)
    try:
        found = importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001  (packages raise SystemExit and worse on import; it all counts as broken)
        speaker.say("import", module=module, ok=False, error=_error_line(error), origin=None)
        return None
    speaker.say("import", module=module, ok=True, error=None, origin=getattr(found, "__file__", None))
    return found


def _tell_torch(speaker: _Speaker, torch: Any) -> None:
    version = getattr(torch, "version", None)
    speaker.say(
        "torch",
        version=str(getattr(torch, "__version__", "")),
        cuda=getattr(version, "cuda", None),
        hip=getattr(version, "hip", None),
    )


def _tell_gpus(speaker: _Speaker, torch: Any) -> None:
    speaker.say("begin", step="gpu")
    gpus: List[Dict[str, Any]] = []  # noqa: UP006
    available = False
    error = None
    try:
        available = bool(torch.cuda.is_available())
        for index in range(torch.cuda.device_count() if available else 0):
            seen = torch.cuda.get_device_properties(index)
            gpus.append({"name": seen.name, "memory": seen.total_memory, "capability": "%d.%d" % (seen.major, seen.minor)})  # noqa: UP031
    except Exception as problem:  # noqa: BLE001  (drivers raise what they like; the rest of the probe must go on)
        error = _error_line(problem)
    speaker.say("gpu", available=available, gpus=gpus, error=error)


def _survey(speaker: _Speaker, request: Dict[str, Any]) -> None:  # noqa: UP006
    speaker.say("versions", versions={package: _version(package) for package in request["versions"]})
    done = set(request["done"])
    if "torch" not in done:
        if not _exists("torch") and _version("torch") is None:
            speaker.say("absent", module="torch")
            return
        torch = _try_import(speaker, "torch")
        if torch is None:
            return  # every package of the list needs it; the reader says so for all of them
        _tell_torch(speaker, torch)
        if "gpu" not in done:
            _tell_gpus(speaker, torch)
    for item in request["imports"]:
        module = item["module"]
        if module in done or module == "torch":
            continue
        if not _exists(module) and _version(item["package"]) is None:
            speaker.say("absent", module=module)
            continue
        _try_import(speaker, module)


def _parameter(parameter: Any) -> Dict[str, Any]:  # noqa: UP006
    import inspect

    has_default = parameter.default is not inspect.Parameter.empty
    default = repr(parameter.default) if has_default else None
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        annotation = ""
    elif isinstance(annotation, type):
        annotation = annotation.__name__
    return {
        "name": parameter.name,
        "kind": parameter.kind.name,
        "default": default if default is None or len(default) <= _MAX_TEXT else None,
        "has_default": has_default,
        "annotation": str(annotation)[:_MAX_TEXT],
    }


def _tell_signature(speaker: _Speaker, request: Dict[str, Any]) -> None:  # noqa: UP006
    import inspect

    path = request["class_path"]
    module_name, _, name = path.rpartition(".")
    module = _try_import(speaker, module_name or "torch.optim")
    if module is None:
        return
    found = getattr(module, name, None)
    if found is None:
        names = [item for item in dir(module) if isinstance(getattr(module, item, None), type)]
        speaker.say("no-class", known=[item for item in names if not item.startswith("_")][:500])
        return
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError) as error:
        speaker.say("no-signature", error=_error_line(error))
        return
    text = inspect.getdoc(found) or inspect.getdoc(getattr(found, "__init__", None)) or ""
    speaker.say("signature", parameters=[_parameter(item) for item in parameters], doc=text[:_MAX_DOC])


def main(marker: str, request: Dict[str, Any]) -> None:  # noqa: UP006
    """Answers one request: `survey` (packages, torch, GPUs) or `signature` (of one class)."""
    speaker = _Speaker(marker)
    speaker.say(
        "hello",
        version=platform.python_version(),
        platform=sys.platform,
        bits=struct.calcsize("P") * 8,
        executable=sys.executable,
        prefix=sys.prefix,
    )
    if request.get("folder"):
        # sd-scripts' scripts run with their own folder first on the path; what shadows a package there shows here.
        sys.path.insert(0, request["folder"])
    actions: Dict[str, Callable[[_Speaker, Dict[str, Any]], None]] = {"survey": _survey, "signature": _tell_signature}  # noqa: UP006
    actions[request["action"]](speaker, request)
    speaker.say("done")
    sys.stderr.flush()
    os._exit(0)  # not sys.exit: exit handlers of half-broken packages hang or crash


if __name__ == "__main__":
    main(sys.argv[2], json.loads(sys.argv[3]))
