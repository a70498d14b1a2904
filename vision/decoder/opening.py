"""Opening a decoder: a language model, its adapter and the projector, to be taught or to be used."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reasoning.lm.candidate_scoring import open_base
from reasoning.lm.errors import LLMError
from reasoning.lm.generation import FINGERPRINT_ROWS
from reasoning.lm.low_rank import lower_layers, merge_adapter, rows_fingerprint
from reasoning.lm.packed_attention import PACKED
from reasoning.lm.packed_attention import register as register_packed
from vision.decoder.detector import PROJECTOR_FILE, BoxWriting
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.network import (
    SLOT_ATTENTION,
    Filling,
    NameVectors,
    Network,
    Projector,
    ReadPrompts,
    TokenBatch,
    fill_slots,
    places_of,
    read_prompts,
    register,
    unseen,
)
from vision.decoder.vocabulary import DecoderTokens, Prompt, fixed_numbers

PERMUTATIONS = 4
"""Of the class tokens, over which what is written of an image is averaged."""

MOST_READ = 2
"""Class sets whose reading is kept."""

NOTHING = " none"
"""The word whose row `<no>` begins with."""


def pack_attention(model: Any) -> Any:
    """The model with the attention that packs need."""
    register_packed()
    model.set_attn_implementation(PACKED)
    return model


def base_fingerprint(model: Any) -> str:
    """Names a base model."""
    return rows_fingerprint(model, FINGERPRINT_ROWS)


def new_projector(
    writing: BoxWriting, embeddings: torch.Tensor, tokens: DecoderTokens, vocabulary: Sequence[str]
) -> Projector:
    """A projector with nothing taught."""
    names = NameVectors(embeddings).of([tokens.name(name) for name in vocabulary])
    projector = Projector(writing.shape, names)
    rows = embeddings.detach().float()
    # With what all names share, a token's vector is what a name's embedding is.
    kinds = torch.cat([rows.mean(0, keepdim=True), rows[tokens.side_words()]])
    projector.begin(kinds, rows[tokens.name(NOTHING.strip())[0]])
    return projector


TEXT_ALONE = ("kinds", "none", "locations", "place.weight")
"""What of a projector is taught by texts; the rest knows pictures."""


def load_projector(projector: Projector, folder: Path, only: Collection[str] | None = None) -> None:
    """The weights in an adapter's folder.

    Args:
        only: the names of those that are taken; None for all, which must then be all that there are.

    Raises:
        LLMError: they are missing, damaged or of another form.
    """
    from safetensors.torch import load_file

    try:
        stored = {name: value.float() for name, value in load_file(folder / PROJECTOR_FILE).items()}
        for name, value in stored.items():
            if not value.isfinite().all():
                raise ValueError(f"{name} holds what is no number")
        taken = stored if only is None else {name: stored[name] for name in only}
        projector.load_state_dict(taken, strict=only is None)
    except Exception as error:  # safetensors and torch raise their own
        reason = str(error).splitlines()[0]
        raise LLMError(f"The adapter {folder} is damaged ({type(error).__name__}: {reason}): copy it again") from error


def as_network(decoder: Any, head: Any, projector: Projector, device: str = "cpu") -> Network:
    """All parts together, on a device of torch's."""
    return Network(decoder, head.weight, projector).to(device)


@dataclass
class Decoder:
    """A taught decoder in use.

    Attributes:
        network: the language model with its adapter merged, and the projector.
        tokens: of the language model.
        writing: what belongs to the adapter.
    """

    network: Network
    tokens: DecoderTokens
    writing: BoxWriting
    _read_sets: dict[tuple[bytes, ...], ReadPrompts] = field(default_factory=dict, repr=False)
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def prompts(self, classes: Sequence[str], seed: int = 0, count: int = PERMUTATIONS) -> tuple[Prompt, ...]:
        """A class set under several permutations of its class tokens, drawn from the names and a seed.

        Where the shape has each class's token fixed there is one.

        Raises:
            DetectorError: there are no classes, or more than 512.
        """
        if self.writing.shape.fixed_tokens:
            return (self.tokens.prompt(classes, fixed_numbers(classes, self.writing.vocabulary)),)
        return tuple(self.tokens.prompt(classes, seed=seed * count + number) for number in range(count))

    def write(
        self, prompts: Sequence[Prompt], images: Sequence[ImageTokens]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """What is written of each image: shares of the classes and `<no>`, (m, k + 1), and offsets in bins, (m, 4).

        Args:
            prompts: a class set under one permutation of its class tokens or several, over which shares are the mean;
                boxes are written behind the first.
            images: their tokens.
        """
        with torch.inference_mode():
            read = self._read(prompts)
            return [self._of(read, tokens) for tokens in images]

    def _read(self, prompts: Sequence[Prompt]) -> ReadPrompts:
        key = tuple(prompt.tokens.tobytes() for prompt in prompts)
        with self._reading:
            if key not in self._read_sets:
                while len(self._read_sets) >= MOST_READ:
                    del self._read_sets[next(iter(self._read_sets))]
                self._read_sets[key] = read_prompts(self.network.decoder, self.network.embeddings, prompts)
            return self._read_sets[key]

    def _of(self, read: ReadPrompts, tokens: ImageTokens) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        names, count = read.prompts[0].classes, len(tokens)
        if not count:
            return np.zeros((0, len(names) + 1), np.float32), np.zeros((0, 4), np.float32)
        projector = self.network.projector
        batch = TokenBatch.of(tokens).to(self.network.embeddings.device)
        guide = None
        if projector.shape.guided:
            guide = self.network.names.of([self.tokens.name(name) for name in names])
        slots = projector.slots(projector.vectors(batch, guide), batch)
        classes, others = slots[:, 0], len(read.prompts) - 1
        inputs = torch.cat([classes, slots[:, 1:].flatten(0, 1), *[classes] * others]).to(self.network.embeddings.dtype)
        sizes = (5 * count, *[count] * others)
        apart = None
        if projector.shape.sees_others:
            apart = tuple(unseen(size, count, True).to(inputs.device) for size in sizes)
        hidden = fill_slots(self.network.decoder, inputs, Filling(read, sizes, apart))
        written = self.network.read(hidden[None, : sizes[0]], read.prompts[0], count)
        shares = torch.softmax(written.classes, -1)
        for number, prompt in enumerate(read.prompts[1:], start=5):
            behind = hidden[None, number * count : (number + 1) * count]
            shares = shares + torch.softmax(self.network.read(behind, prompt, count).classes, -1)
        return (shares / (others + 1)).cpu().numpy(), places_of(written.places).view(-1, 4).cpu().numpy()


def load_decoder(folder: Path, device: str = "cpu") -> Decoder:
    """A taught decoder, its adapter merged into the weights.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    writing = BoxWriting.read(folder)
    model, tokenizer = open_base(writing.student, "bfloat16")
    writing.check_base(base_fingerprint(model), folder)
    register()
    model.set_attn_implementation(SLOT_ATTENTION)
    head = model.get_output_embeddings()
    if max(writing.class_tokens) >= len(head.weight):
        raise LLMError(f"The adapter {folder} is damaged (it has class tokens that its model has not): copy it again")
    tokens = DecoderTokens(tokenizer, writing.class_tokens)
    projector = new_projector(writing, head.weight, tokens, writing.vocabulary)
    load_projector(projector, folder)
    decoder = merge_adapter(lower_layers(model, writing.layers), folder)
    network = as_network(decoder, head, projector, device).eval()
    return Decoder(network.requires_grad_(False), tokens, writing)
