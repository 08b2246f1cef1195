"""Prompts as numbers, as sd-scripts makes them: CLIP's words, chunks of 75, weights such as (word:1.2).

Source: sd-scripts, library/strategy_base.py (TokenizeStrategy), library/strategy_sd.py, library/strategy_sdxl.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import CaddieError
from core.text import Text
from core.training.models.clean import clean
from core.training.models.family import Family, ModelFacts
from core.training.models.settings import ModelSettings
from core.training.models.weighting import weighted_pieces

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
CHUNK = 75
"""Tokens that a text encoder takes at once, the first and the last one of its 77 aside."""

# All of them hold the same vocabulary. The first name of each is how sd-scripts names its folder in tokenizer_cache_dir.
_SOURCES = (
    ("openai/clip-vit-large-patch14", ""),
    ("laion/CLIP-ViT-bigG-14-laion2B-39B-b160k", ""),
    ("stabilityai/stable-diffusion-2", "tokenizer"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "tokenizer"),
    ("stable-diffusion-v1-5/stable-diffusion-v1-5", "tokenizer"),
    ("runwayml/stable-diffusion-v1-5", "tokenizer"),
)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """CLIP's tokenizer, wherever its vocabulary came from.

    Attributes:
        encode: a cleaned text's tokens, without first and last one, however many.
        bos, eos, pad: the first token, the one that ends the text, and the one that fills up.
        largest_id: of its vocabulary.
        source: where its vocabulary came from.
        alone: a character that is the token `pad` wherever a prompt has it, whatever stands beside it; "" for none. The
            tokenizer of SD 2.x knows its filling token "!" as a special one, and takes those out before anything else.
    """

    encode: Callable[[str], list[int]]
    bos: int
    eos: int
    pad: int
    largest_id: int
    source: str
    alone: str = ""

    def token_ids(self, text: str, max_token_length: int | None = None) -> torch.Tensor:
        """A prompt's tokens.

        Args:
            text: the prompt.
            max_token_length: 75, 150 or 225; None is 75. What is longer is cut off.

        Returns:
            (chunks, 77) int64; each chunk has a first and a last token.
        """
        length = _content_length(max_token_length)
        return self._chunks(self._content(text)[:length], length)

    def weighted_token_ids(self, text: str, max_token_length: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """A prompt's tokens where the prompt may say (word), (word:1.2) and [word].

        Returns:
            Tokens (chunks, 77) int64, and their weights (chunks, 77) float32.
        """
        length = _content_length(max_token_length)
        tokens: list[int] = []
        weights: list[float] = []
        for piece, weight in weighted_pieces(text):
            found = self._content(piece)
            tokens += found
            weights += [weight] * len(found)
            if len(tokens) > length:
                break
        of_chunks = torch.ones(length // CHUNK, CHUNK + 2)
        filled = torch.tensor(weights[:length] + [1.0] * (length - len(weights)), dtype=torch.float32)
        of_chunks[:, 1:-1] = filled.reshape(-1, CHUNK)
        return self._chunks(tokens[:length], length), of_chunks

    def _content(self, text: str) -> list[int]:
        if not self.alone:
            return self.encode(clean(text))
        first, *others = (self.encode(clean(piece)) for piece in text.split(self.alone))
        return first + [token for piece in others for token in (self.pad, *piece)]

    def _chunks(self, tokens: list[int], length: int) -> torch.Tensor:
        whole = [self.bos, *tokens, self.eos, *[self.pad] * (length - len(tokens))]
        chunks = [[whole[0], *whole[1 + start : 1 + start + CHUNK], whole[-1]] for start in range(0, length, CHUNK)]
        if length > CHUNK and self.pad != self.eos:
            # Where texts are not filled up with their end's token, every chunk gets an end of its own.
            for chunk in chunks:
                if chunk[-2] not in {self.eos, self.pad}:
                    chunk[-1] = self.eos
                if chunk[1] == self.pad:
                    chunk[1] = self.eos
        return torch.tensor(chunks, dtype=torch.int64)


def load_tokenizers(facts: ModelFacts, settings: ModelSettings) -> tuple[Tokenizer, ...]:
    """The tokenizers of a model: from its own folder, else the CLIP vocabulary that this computer has.

    Raises:
        CaddieError: there is none; it says what to do.
    """
    count = 2 if facts.family == "sdxl" else 1
    if facts.layout == "diffusers":
        folders = [facts.path / ("tokenizer_2" if number else "tokenizer") for number in range(count)]
        if all(map(_has_vocabulary, folders)):
            return tuple(_from_folder(folder, facts.family, number) for number, folder in enumerate(folders))
    if (folder := _stored_folder(settings.tokenizer_cache_dir)) is not None:
        return tuple(_from_folder(folder, facts.family, number) for number in range(count))
    return tuple(_from_package(facts.family, number) for number in range(count))


def _content_length(max_token_length: int | None) -> int:
    length = max_token_length or CHUNK
    assert length % CHUNK == 0, length
    return length


def _pads_with_zero(family: Family, number: int) -> bool:
    # SD 1.x and SDXL's first encoder fill up with the end's token, as OpenAI's CLIP; OpenCLIP fills up with 0, "!".
    return family == "sd2" or number == 1


def _alone(family: Family) -> str:
    return "!" if family == "sd2" else ""


def _has_vocabulary(folder: Path) -> bool:
    return (folder / "vocab.json").is_file() or (folder / "tokenizer.json").is_file()


def _stored_folder(cache: str) -> Path | None:
    """A folder with CLIP's vocabulary: in sd-scripts' tokenizer cache, else in that of the hub, without asking the hub."""
    if cache:
        for name, _ in _SOURCES:
            if _has_vocabulary(folder := Path(cache) / name.replace("/", "_")):
                return folder
    from huggingface_hub import try_to_load_from_cache

    for name, inner in _SOURCES:
        found = try_to_load_from_cache(name, f"{inner}/vocab.json" if inner else "vocab.json")
        if isinstance(found, str) and (Path(found).parent / "merges.txt").is_file():
            return Path(found).parent
    return None


def _from_folder(folder: Path, family: Family, number: int) -> Tokenizer:
    """A tokenizer from its vocabulary and merges. What else the folder's configs say is not followed by sd-scripts either."""
    from transformers import CLIPTokenizer

    vocabulary, merges = _read_vocabulary(folder)
    tokenizer: Any = CLIPTokenizer(vocab=vocabulary, merges=merges)  # type: ignore[arg-type]
    bos, eos = vocabulary[BOS], vocabulary[EOS]

    def encode(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False, verbose=False).input_ids

    fill = vocabulary["!"] if _pads_with_zero(family, number) else eos
    return Tokenizer(encode, bos, eos, fill, max(vocabulary.values()), str(folder), _alone(family))


def _read_vocabulary(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    try:
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            merges = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
        else:
            model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
            vocabulary = model["vocab"]
            merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in model["merges"]]
        assert {BOS, EOS, "!"} <= vocabulary.keys(), "special tokens are missing"
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as problem:
        raise CaddieError(
            Text(f"The tokenizer in {folder} cannot be read: {problem}", f"{folder} のトークナイザーを読み込めません: {problem}")
        ) from problem
    return vocabulary, merges  # type: ignore[return-value]


def _from_package(family: Family, number: int) -> Tokenizer:
    try:
        from instant_clip_tokenizer import Tokenizer as Packaged  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError as problem:
        raise CaddieError(
            Text(
                "CLIP's tokenizer is not on this computer. Install the package instant-clip-tokenizer (Python 3.12 and older), train "
                "once with sd-scripts, which downloads it, or name a folder under tokenizer_cache_dir that holds "
                "openai_clip-vit-large-patch14/vocab.json and merges.txt.",
                "CLIP のトークナイザーがこのコンピューターにありません。パッケージ instant-clip-tokenizer (Python 3.12 以前)をインストールするか、"
                "sd-scripts で一度学習してダウンロードするか、openai_clip-vit-large-patch14/vocab.json と merges.txt のあるフォルダーを "
                "tokenizer_cache_dir に指定してください。",
            )
        ) from problem
    packaged: Any = Packaged()
    bos, eos = int(packaged.start_of_text()), int(packaged.end_of_text())

    def encode(text: str) -> list[int]:
        return [int(token) for token in packaged.encode(text)]

    return Tokenizer(
        encode, bos, eos, 0 if _pads_with_zero(family, number) else eos, eos, "instant-clip-tokenizer", _alone(family)
    )
