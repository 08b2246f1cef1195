"""The demo's tokenizer: CLIP's, with a vocabulary of single bytes and of pieces of the words that the demo's captions use."""

from __future__ import annotations

import json
from pathlib import Path

from core.training.demo.pictures import COLOURS, CONCEPT, SHAPES

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
WORDS = ("a", "on", "background", *COLOURS, *SHAPES, *CONCEPT.split())


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Tokens with their numbers, and the merges that build the words or pieces of them; every other text falls apart into bytes."""
    # CLIP writes each byte as one printable character; this is its table's order, in which "!" is 0.
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(code) for code in printable] + [chr(256 + number) for number in range(256 - len(printable))]
    tokens, merges = [*letters, *(letter + "</w>" for letter in letters)], list[tuple[str, str]]()
    for word in WORDS:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            pieces[:2] = ["".join(pair)]
    return {token: number for number, token in enumerate([*tokens, BOS, EOS])}, merges


def save_tokenizer(folder: Path) -> None:
    """Writes the files that public models have: vocab.json, merges.txt and two about special tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    known, merges = vocabulary()
    special = {"bos_token": BOS, "eos_token": EOS, "pad_token": EOS, "unk_token": EOS}
    config = special | {"model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    lines = "".join(f"{one} {other}\n" for one, other in merges)
    (folder / "merges.txt").write_text("#version: 0.2\n" + lines, encoding="utf-8", newline="\n")
    for name, content in (("vocab", known), ("special_tokens_map", special), ("tokenizer_config", config)):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
