"""Caddie's package `optimizers`, for a training: the real one lies beside `core`, in Caddie's own folder.

A training gets this folder's parent on its PYTHONPATH and nothing else of Caddie, so that no module of Caddie (`core`,
`gui`, `tests`, …) can be taken for one of the script's. Importing it puts the real package in its place.
"""

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_REAL = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(_HERE))), "optimizers")
_SPEC = importlib.util.spec_from_file_location(__name__, os.path.join(_REAL, "__init__.py"), submodule_search_locations=[_REAL])
if _SPEC is None or _SPEC.loader is None or not os.path.isfile(os.path.join(_REAL, "__init__.py")):
    raise ImportError(
        f"Caddie's optimizers are not in {_REAL}. Restore Caddie's folder, or switch the fast implementation off. / "
        f"{_REAL} に Caddie のオプティマイザーが見つかりません。Caddie のフォルダーを元に戻すか、高速実装をオフにしてください。"
    )
_module = importlib.util.module_from_spec(_SPEC)
sys.modules[__name__] = _module
_SPEC.loader.exec_module(_module)
