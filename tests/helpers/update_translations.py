"""Gathers the window's strings into resources/translations/caddie_*.ts and builds the .qm files that are shipped.

Run it after changing a string: `python tests/helpers/update_translations.py`. Then translate what is unfinished in the
.ts (Qt Linguist or a text editor) and run it again. `--check` changes nothing and ends with 1 where something is stale.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "resources" / "translations"
LANGUAGES = ("en", "ja")
PLURALS_ONLY = ("en",)
"""Of the language of the sources, only the plural forms need a file: "1 step", not "1 steps"."""


def sources() -> list[str]:
    """Every Python file of the window, relative to the root, in a fixed order."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "gui").rglob("*.py"))


def tool(name: str) -> str:
    """Path of a PySide6 tool beside this interpreter.

    Raises:
        FileNotFoundError: PySide6-Essentials is not installed here.
    """
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise FileNotFoundError(name)
    return found


def update(target: Path, language: str) -> None:
    """Brings a .ts file up to date with the sources; obsolete strings go, translations stay."""
    command = [tool("pyside6-lupdate"), *sources(), "-no-obsolete", "-locations", "none"]
    command += ["-pluralonly"] if language in PLURALS_ONLY else []
    command += ["-ts", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def release(source: Path, target: Path) -> None:
    """Makes a .qm; unfinished strings are left out and show in English."""
    # Qt maps the file into memory: written over in place it would end every window (and test) that has it open.
    fresh = target.with_name(f".{target.name}")
    command = [tool("pyside6-lrelease"), "-nounfinished", str(source), "-qm", str(fresh)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    fresh.replace(target)


def messages(path: Path) -> dict[tuple[str, str], str | None]:
    """(context, source) -> translation; None where it is unfinished. The forms of a plural are joined by line ends."""
    found: dict[tuple[str, str], str | None] = {}
    for context in ElementTree.parse(path).getroot().iter("context"):
        name = context.findtext("name") or ""
        for message in context.iter("message"):
            translation = message.find("translation")
            if translation is None or translation.get("type") is not None:
                forms: list[str | None] = [None]
            else:
                forms = [form.text for form in translation.iter("numerusform")] or [translation.text]
            done = [form for form in forms if form]
            found[name, message.findtext("source") or ""] = "\n".join(done) if len(done) == len(forms) else None
    return found


def stale(language: str) -> list[str]:
    """What has to be done before shipping: strings missing in the .ts, surplus ones, an old .qm."""
    kept = FOLDER / f"caddie_{language}.ts"
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / kept.name
        shutil.copy2(kept, fresh)
        update(fresh, language)
        present, wanted = messages(kept), messages(fresh)
        problems += [f"not in {kept.name}: {context}: {source!r}" for context, source in wanted.keys() - present.keys()]
        problems += [f"no longer used: {context}: {source!r}" for context, source in present.keys() - wanted.keys()]
        built = Path(folder) / "built.qm"
        release(kept, built)
        shipped = kept.with_suffix(".qm")
        if not shipped.exists() or shipped.read_bytes() != built.read_bytes():
            problems.append(f"{shipped.name} was not made from {kept.name}")
    return sorted(problems)


def main(arguments: list[str]) -> int:
    """Updates, or checks with `--check`."""
    for language in LANGUAGES:
        path = FOLDER / f"caddie_{language}.ts"
        if "--check" in arguments:
            problems = stale(language)
            print("\n".join(problems) or f"{path.name} is up to date")
            if problems:
                return 1
            continue
        FOLDER.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(
                f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.1" language="{language}"></TS>\n',
                encoding="utf-8",
            )
        update(path, language)
        release(path, path.with_suffix(".qm"))
        known = messages(path)
        missing = [key for key, value in known.items() if value is None]
        print(f"{path.name}: {len(known)} strings, {len(missing)} not translated")
        for context, source in missing:
            print(f"  {context}: {source!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
