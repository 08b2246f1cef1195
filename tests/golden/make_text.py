"""Makes text.json.gz: tokens, weights, hidden states and size embeddings by sd-scripts' own functions.

Run with the Python that sd-scripts is installed in (transformers 4 and ftfy, as its requirements say); offline:

    python make_text.py --checkout PATH_OF_SD_SCRIPTS --vocabulary FOLDER_WITH_CLIPS_VOCAB_JSON_AND_MERGES_TXT
"""

import argparse
import gzip
import json
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import torch

LONG = "a photo of a red cat, smile, (blue hair:1.3), " * 25
TEXTS = [
    "",
    "a photo of a cat",
    "1girl, solo, Red Hair, smile!! (masterpiece:1.2), [lowres], ((best quality)), \\(series\\)",
    "it's a dog's tail,don't  you\tthink?\nyes",
    "“quotes” ‘single’ ｆｕｌｌ　ｗｉｄｔｈ！ ﬁne … — naïve café",
    "赤い髪の少女、笑顔。東京タワー",
    "caf\u0065\u0301 &amp; cr&eacute;me <b> 123 4567 :) ;-) @_@ ^_^",
    "cr&eacute;me &lt;tag&gt; &AMP; 🐱 emoji",
    "unbalanced (bracket, [and another, (nested (twice:0.5)) :1.2) back\\slash",
    "(a:-0.5) b (c:+2) d:e [f:1.5] )g] (:1.1)",
    "wow! so, what!? !",
    LONG,
    "word " * 75,
    "word " * 76,
    "word " * 150,
]
LENGTHS = [None, 150, 225]


def fill(module):
    """Weights that depend on their names and shapes alone, whatever transformers' version."""
    with torch.no_grad():
        for given, parameter in sorted(module.named_parameters()):
            name = given if given.startswith("text_") else f"text_model.{given}"
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            values = torch.randn(parameter.shape, generator=generator)
            is_norm = "layer_norm" in name and name.endswith("weight")
            parameter.copy_(1 + 0.1 * values if is_norm else 0.15 * values)
    return module.requires_grad_(False).eval()


def sample(states):
    """A few of the numbers, evenly spread, and two sums over all."""
    flat = states.double().flatten()
    chosen = flat[:: max(1, flat.numel() // 24)][:24]
    return {"shape": list(states.shape), "sum": flat.sum().item(), "norm": flat.norm().item(), "some": chosen.tolist()}


def shortened(ids):
    """Numbers with runs as [number, how often]."""
    runs = []
    for number in ids.flatten().tolist():
        if runs and runs[-1][0] == number:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return runs


def make(vocabulary):
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from library import sdxl_train_util
    from library.strategy_sd import SdTextEncodingStrategy, SdTokenizeStrategy
    from library.strategy_sdxl import SdxlTextEncodingStrategy, SdxlTokenizeStrategy
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    from tests.helpers import tiny_models

    def caches(root, copy_from):
        for name, pad in (
            ("openai_clip-vit-large-patch14", tiny_models.EOS),
            ("laion_CLIP-ViT-bigG-14-laion2B-39B-b160k", tiny_models.EOS),
            ("stabilityai_stable-diffusion-2", "!"),
        ):
            tiny_models.save_tokenizer(Path(root) / name, pad)
            for file in ("vocab.json", "merges.txt") if copy_from else ():
                shutil.copy(Path(copy_from) / file, Path(root) / name / file)
        return str(root)

    def strategies(cache, length):
        return {
            "sd1": SdTokenizeStrategy(False, length, cache),
            "sd2": SdTokenizeStrategy(True, length, cache),
            "sdxl": SdxlTokenizeStrategy(length, cache),
        }

    result = {"tokens": {}, "states": {}}
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as tiny:
        caches(full, vocabulary)
        caches(tiny, None)
        for kind, cache in (("full", full), ("tiny", tiny)):
            for length in LENGTHS:
                for family, strategy in strategies(cache, length).items():
                    for number, text in enumerate(TEXTS):
                        weighted, weights = strategy.tokenize_with_weights(text)
                        result["tokens"][f"{kind} {family} {length} {number}"] = {
                            "plain": [shortened(ids) for ids in strategy.tokenize(text)],
                            "weighted": [shortened(ids) for ids in weighted],
                            "weights": [shortened(numbers) for numbers in weights],
                        }
        first = {kind: fill(CLIPTextModel(tiny_models.text_config(kind, layers=12))) for kind in ("sd1", "sd2-v", "sdxl")}
        second = fill(CLIPTextModelWithProjection(tiny_models.text_config("sdxl", second=True, layers=3)))
        texts = [TEXTS[1], LONG, TEXTS[10], ""]
        for length in LENGTHS:
            made = strategies(tiny, length)
            for family, kind in (("sd1", "sd1"), ("sd2", "sd2-v")):
                for skip in (None, 1, 2, 5):
                    encoding = SdTextEncodingStrategy(skip)
                    ids, weights = made[family].tokenize_with_weights(texts)
                    plain = encoding.encode_tokens(made[family], [first[kind]], made[family].tokenize(texts))
                    heavy = encoding.encode_tokens_with_weights(made[family], [first[kind]], ids, weights)
                    result["states"][f"{family} {length} {skip}"] = {
                        "plain": [sample(plain[0])],
                        "weighted": [sample(heavy[0])],
                    }
            models, encoding = [first["sdxl"], second], SdxlTextEncodingStrategy()
            ids, weights = made["sdxl"].tokenize_with_weights(texts)
            plain = encoding.encode_tokens(made["sdxl"], models, made["sdxl"].tokenize(texts))
            heavy = encoding.encode_tokens_with_weights(made["sdxl"], models, ids, weights)
            result["states"][f"sdxl {length} None"] = {
                way: [sample(torch.cat(states[:2], dim=2)), sample(states[2])]
                for way, states in (("plain", plain), ("weighted", heavy))
            }
    sizes = [torch.tensor(pairs) for pairs in ([[1024, 768], [2049, 4000]], [[0, 16], [128, 0]], [[1024, 1024], [832, 1216]])]
    result["sizes"] = [pairs.tolist() for pairs in sizes]
    result["size embedding"] = sample(sdxl_train_util.get_size_embeddings(*sizes, "cpu"))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", required=True)
    parser.add_argument("--vocabulary", required=True)
    arguments = parser.parse_args()
    vocabulary = os.path.abspath(arguments.vocabulary)
    target = Path(__file__).resolve().with_name("text.json.gz")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.chdir(arguments.checkout)
    sys.path.insert(0, arguments.checkout)
    torch.set_num_threads(1)
    target.write_bytes(gzip.compress(json.dumps(make(vocabulary), separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
