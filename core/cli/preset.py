"""`preset`: optimizers with their arguments, scheduler and rates, kept apart from any job."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.output import note, print_json, print_table, say
from core.job.presets import Preset, apply_preset, find_preset, list_presets, preset_of, save_preset
from core.job.store import load_job, save_job
from core.text import Text

_HEADINGS = (Text("Name", "名前"), Text("Optimizer", "オプティマイザー"), Text("Settings", "設定"), Text("File", "ファイル"))


def run_preset(options: Namespace) -> int:
    """Lists, saves or applies presets."""
    if options.action == "list":
        return _list(as_json=options.json)
    if options.action == "save":
        path = save_preset(preset_of(load_job(Path(options.job)), options.name), replace_it=options.force)
        note(Text(f"Written: {path}", f"書き出しました: {path}"))
        return 0
    return _apply(Path(options.job), find_preset(options.preset), Path(options.out) if options.out else None)


def _apply(path: Path, preset: Preset, out: Path | None) -> int:
    target = out or path
    save_job(apply_preset(load_job(path), preset, load_catalogue()), target)
    if preset.left_out:
        listed = ", ".join(preset.left_out)
        note(
            Text(
                f"Not taken, since a preset never touches it: {listed}", f"プリセットの対象外のため取り込みませんでした: {listed}"
            )
        )
    note(Text(f"Written: {target}", f"書き出しました: {target}"))
    return 0


def _list(*, as_json: bool) -> int:
    found = list_presets()
    if as_json:
        print_json(
            {
                "presets": [
                    {"name": one.name, "notes": one.notes, "options": one.options, "path": one.path} for one in found.presets
                ],
                "problems": found.problems,
            }
        )
    elif found.presets:
        print_table([say(heading) for heading in _HEADINGS], [_row(preset) for preset in found.presets])
    else:
        note(Text("There are no presets yet.", "プリセットはまだありません。"))
    for problem in found.problems:
        note(problem)
    return 0


def _row(preset: Preset) -> list[str]:
    rest = [f"{name}={value}" for name, value in preset.options.items() if name != "optimizer_type"]
    return [preset.name, str(preset.options.get("optimizer_type", "")), ", ".join(rest), str(preset.path or "")]
