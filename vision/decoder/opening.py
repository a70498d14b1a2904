"""Opening a decoder: a language model, its adapter and the projector, to be taught or to be used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reasoning.language.errors import LLMError
from reasoning.language.low_rank import load_adapter, lower_layers, rows_fingerprint, stored_config, with_adapter
from reasoning.language.marking.student import open_base
from reasoning.language.writing.packed_attention import PACKED, register
from reasoning.language.writing.writer import FINGERPRINT_ROWS
from vision.decoder.adapters import PROJECTOR_FILE, BoxWriting
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.network import NameVectors, Network, Projector, Segments, TokenBatch, places_of
from vision.decoder.vocabulary import DecoderTokens, Prompt, fixed_numbers

NOTHING = " none"
"""The word whose row `<no>` begins with."""


def pack_attention(model: Any) -> Any:
    """The model with the attention that packs need."""
    register()
    model.set_attn_implementation(PACKED)
    return model


def base_fingerprint(model: Any) -> str:
    """Names a base model."""
    return rows_fingerprint(model, FINGERPRINT_ROWS)


def new_projector(
    writing: BoxWriting, embeddings: torch.Tensor, tokens: DecoderTokens, vocabulary: Sequence[str]
) -> Projector:
    """A projector with nothing taught.

    Args:
        writing: what belongs to the adapter.
        embeddings: of the language model.
        tokens: of it.
        vocabulary: of the detector.
    """
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
        projector: that takes them.
        folder: of the adapter.
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

    def prompt(self, classes: Sequence[str], seed: int = 0) -> Prompt:
        """A class set with class tokens that are drawn from the names and a seed, where the shape says nothing else.

        Raises:
            DetectorError: there are none, or more than 512.
        """
        if self.writing.shape.fixed_tokens:
            return self.tokens.prompt(classes, fixed_numbers(classes, self.writing.vocabulary))
        return self.tokens.prompt(classes, seed=seed)

    def write(
        self, prompt: Prompt, images: Sequence[ImageTokens]
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """What is written of each image: shares of the classes and `<no>`, (m, k + 1), and offsets in bins, (m, 4).

        Images with as many tokens are written in one pass, behind one prompt.
        """
        written = [(np.zeros((0, len(prompt.classes) + 1), np.float32), np.zeros((0, 4), np.float32))] * len(images)
        with torch.inference_mode():
            for count in {len(tokens) for tokens in images} - {0}:
                places = [place for place, tokens in enumerate(images) if len(tokens) == count]
                together = self._of(prompt, [images[place] for place in places])
                for place, one in zip(places, together, strict=True):
                    written[place] = one
        return written

    def _of(
        self, prompt: Prompt, images: Sequence[ImageTokens]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        projector, count = self.network.projector, len(images[0])
        names = None
        if projector.shape.guided:
            names = self.network.names.of([self.tokens.name(name) for name in prompt.classes])
        segments = []
        for tokens in images:
            batch = TokenBatch.of(tokens).to(self.network.embeddings.device)
            slots = projector.slots(projector.vectors(batch, names), batch)
            segments.append(torch.cat([slots[:, 0], slots[:, 1:].flatten(0, 1)]))
        written = self.network.write(prompt, Segments(torch.stack(segments), count))
        shares = torch.softmax(written.classes, -1).cpu().numpy()
        places = places_of(written.places).view(-1, 4).cpu().numpy()
        return zip(np.split(shares, len(images)), np.split(places, len(images)), strict=True)


def load_decoder(folder: Path, device: str = "cpu") -> Decoder:
    """A taught decoder, its adapter merged into the weights.

    Args:
        folder: of the adapter.
        device: by torch's name.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    writing = BoxWriting.read(folder)
    model, tokenizer = open_base(writing.student, "bfloat16")
    writing.check_base(base_fingerprint(model), folder)
    pack_attention(model)
    head = model.get_output_embeddings()
    if max(writing.class_tokens) >= len(head.weight):
        raise LLMError(f"The adapter {folder} is damaged (it has class tokens that its model has not): copy it again")
    tokens = DecoderTokens(tokenizer, writing.class_tokens)
    projector = new_projector(writing, head.weight, tokens, writing.vocabulary)
    load_projector(projector, folder)
    decoder = with_adapter(lower_layers(model, writing.layers).requires_grad_(False), stored_config(folder))
    load_adapter(decoder, folder)
    network = as_network(decoder.merge_and_unload(), head, projector, device).eval()
    return Decoder(network.requires_grad_(False), tokens, writing)
