"""A tiny language model that reads any name, and what a decoder is taught with in a moment."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.reasoning.tiny_models import CHATML
from tests.reasoning.word_models import WORDS, save_llama
from training.box_examples import BoxOptions
from vision.classes.lexicon import COCO_CLASSES
from vision.decoder.detector import BOXES_FILE
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens, TokenSource
from vision.decoder.vocabulary import HEADING, SIDE_WORDS
from vision.images import LoadedImage

_NOUNS = (
    "ant axe barn bee boot bowl bread bridge brush button cap cave cherry church clam cliff cloud coat coin comb coral "
    "crab crane crow cup deer desk dish dog dolphin door dove drum duck eagle ear egg elk fan fern fig fish flag flute "
    "fly foot fork fox frog gate goat goose grape hammer hand harp hat hawk helmet hen hill hook horn horse house ivy "
    "jar jeep kettle key kite knee lake lamp leaf lemon lily lion lizard lobster lynx mango map melon monkey moon moth "
    "mouse nail nest nut oak oar olive onion oven owl palm pan parrot peach pear pen pig pine plate plum pole pony "
    "pot rabbit rat ring river robin rock roof root rope rose sail salmon saw seal shark shed sheep ship shoe shovel "
    "skirt snail snake spade spider spoon squid stone swan table tent tiger toad tower tree tulip turtle vase violin "
    "wagon wall wasp whale wheel window wing wolf worm yacht zebra"
)
NOUNS = tuple(_NOUNS.split())
"""Words of the tests, one token each; all but a few are nouns of WordNet."""

_ROOT = "Ġ"
"""How a byte-level tokenizer writes a space."""


def decoder_model(folder: Path, seed: int = 0) -> Path:
    """A Llama of two layers of random weights in the hub's layout.

    Common nouns, the words of COCO's classes and a few hundred others are one token each, with the space before them;
    whatever else is spelt, as all texts can be in a tokenizer of bytes.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = {word for name in (*COCO_CLASSES, *SIDE_WORDS, HEADING.lower(), "none") for word in name.split()}
    whole = sorted({word for word in (*NOUNS, *known, *WORDS[:700]) if word.isalpha()})
    # Each word is built letter after letter, the shorter beginnings first, so that the longest one wins.
    beginnings = {_ROOT + word[:length] for word in whole for length in range(1, len(word) + 1)}
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    grown = sorted(beginnings, key=lambda text: (len(text), text))
    entries = {entry: number for number, entry in enumerate([*letters, *grown])}
    spelling = Tokenizer(models.BPE(entries, [(text[:-1], text[-1]) for text in grown]))
    spelling.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spelling.decoder = decoders.ByteLevel()
    spelling.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=spelling, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = CHATML
    return save_llama(folder, tokenizer, seed=seed)


def options(model: Path, **changed: Any) -> BoxOptions:
    small: dict[str, Any] = {
        "layers": 2, "rank": 4, "hidden": 32, "image_tokens": 8, "boxed": 2, "tokens": 400, "tokens_of_a_pass": 256,
        "report_every": 100_000, "dtype": "float32",
    }  # fmt: skip
    return BoxOptions(source=str(model), **{**small, **changed})


def changed_copy(adapter: Path, folder: Path, **changed: Any) -> Path:
    shutil.copytree(adapter, folder)
    stored = json.loads((folder / BOXES_FILE).read_text())
    (folder / BOXES_FILE).write_text(json.dumps({**stored, **changed}))
    return folder


def blobs(width: int, height: int, seed: int = 0) -> LoadedImage:
    """Soft blobs of colour, in which the embedded detector sees many things with little certainty."""
    noise = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return LoadedImage(np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)))


def save_blobs(folder: Path, count: int, size: tuple[int, int] = (120, 90)) -> Path:
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        Image.fromarray(blobs(*size, seed=number).pixels).save(folder / "images" / f"{number}.png")
    return folder


class GridTokens(TokenSource):
    """Sees how red, green and blue an image is in each of sixteen cells: a red one is a cat, a green one a dog.

    Args:
        mark: told in its fingerprint.
    """

    name = "grid"
    vocabulary: tuple[str, ...] = ("cat", "dog", "car", "bus", "boat")
    width = 4
    cells = 4

    def __init__(self, mark: str = "first") -> None:
        self._mark = mark
        self.seen = 0
        """Images that it has looked at."""

    @property
    def fingerprint(self) -> str:
        return f"grid {self._mark}"

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        self.seen += len(images)
        return [self._of(image.pixels)[:most] for image in images]

    def _of(self, pixels: NDArray[np.uint8]) -> ImageTokens:
        steps = np.arange(self.cells + 1)
        rows, columns = (steps * side // self.cells for side in pixels.shape[:2])
        features, boxes = [], []
        for y in range(self.cells):
            for x in range(self.cells):
                colour = pixels[rows[y] : rows[y + 1], columns[x] : columns[x + 1]].mean((0, 1)) / 255
                features.append([*colour, colour.mean()])
                boxes.append([x, y, x + 1, y + 1])
        colours, corners = np.array(features), np.array(boxes) / self.cells
        logits = np.concatenate([12 * colours[:, :3] - 7, np.full((len(colours), 2), -6)], 1)
        middles = (corners[:, :2] + corners[:, 2:]) / 2
        cells = np.concatenate([middles, np.full_like(middles, 1 / self.cells)], 1)
        best = np.argsort(-logits.max(1), kind="stable")
        return ImageTokens(*(part[best].astype(np.float32) for part in (colours, cells, corners, logits)))
