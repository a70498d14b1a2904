"""The decoder's network: image tokens become slots of a language model, which fills them in one parallel pass.

Behind the prompt stands, for each image token, one slot for each word of the output format. A slot's input is its
token's vector and what kind of slot it is; its output is held to the words that may stand there: one of the prompt's
classes or `<no>`, or a location token. A slot sees the prompt and itself, and on request the class slots of its
image. So what the model made of a prompt holds for all images: a class set is read once, under several permutations
of its class tokens, and every image's slots look at what was read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AttentionInterface

from reasoning.lm.generation import Layout
from vision.decoder.detector import Shape
from vision.decoder.image_tokens import ImageTokens
from vision.decoder.vocabulary import BINS, FORMAT, LOCATIONS, Prompt

FREQUENCIES = 24
"""Of a place's Fourier features: periods from four times the image down to four bins."""

SLOTS = len(FORMAT)

FEATURE_STEP, NONE_STEP = 0.02, 0.05
"""What a step of the optimizer changes a token's vector by its features, and the row of `<no>`, beside what it changes
other numbers. Adam moves all numbers alike, so hundreds of them that move one thing together would move it far: at a
step of 1 a few updates drown the names in a vector, and binding with them."""

FEATURE_STEP_ALONE = 0.2
"""The same where a vector begins with nothing, and the features have to make the names."""


@dataclass
class TokenBatch:
    """Image tokens as tensors of float32, each with m rows; see `ImageTokens`."""

    features: torch.Tensor
    cells: torch.Tensor
    boxes: torch.Tensor
    logits: torch.Tensor

    @classmethod
    def of(cls, tokens: ImageTokens) -> TokenBatch:
        """The tokens of one image."""
        return cls(*(torch.from_numpy(np.array(part, np.float32)) for part in vars(tokens).values()))

    def to(self, device: Any) -> TokenBatch:
        """The same on a device of torch's."""
        return TokenBatch(*(part.to(device) for part in vars(self).values()))

    def __len__(self) -> int:
        return len(self.features)


class Projector(nn.Module):
    """What is taught beside the language model's adapter: from image tokens to slots, and the rows of new words.

    Args:
        shape: of the parts.
        names: shape (classes, width): a vector for each class of the detector's vocabulary, see `NameVectors`.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    names: torch.Tensor

    def __init__(self, shape: Shape, names: torch.Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(shape.features))
        self.register_buffer("deviation", torch.ones(shape.features))
        self.register_buffer("names", names.float(), persistent=False)
        self.first = nn.Linear(shape.features + 8, shape.hidden)
        self.second = nn.Linear(shape.hidden, shape.width)
        self.place = nn.Linear(2 * FREQUENCIES, shape.width, bias=False)
        self.kinds = nn.Parameter(torch.zeros(SLOTS, shape.width))
        self.none = nn.Parameter(torch.zeros(shape.width))
        self.locations = nn.Parameter(torch.zeros(LOCATIONS, shape.width))
        if shape.guided:
            self.asking = nn.Linear(shape.width, 64, bias=False)
            self.asked = nn.Linear(shape.width, 64, bias=False)
            self.taken = nn.Linear(shape.width, shape.width, bias=False)
            nn.init.zeros_(self.taken.weight)
        nn.init.normal_(self.second.weight, std=1e-2)
        nn.init.zeros_(self.second.bias)
        nn.init.normal_(self.place.weight, std=1 / math.sqrt(FREQUENCIES))

    def begin(self, slot_rows: torch.Tensor, none_row: torch.Tensor) -> None:
        """Set the rows of new words: the queries' and `<no>`'s to rows of like words, the places' to their features."""
        with torch.no_grad():
            self.kinds.copy_(slot_rows)
            self.none.copy_(none_row / NONE_STEP)
            bins = torch.arange(-BINS, BINS + 1) / BINS
            self.locations.copy_(self.place(fourier(bins)) / 8)

    def vectors(self, tokens: TokenBatch, instruction: torch.Tensor | None = None) -> torch.Tensor:
        """The vector of each token, shape (m, width).

        Args:
            tokens: m image tokens.
            instruction: vectors of the instruction's names, shape (k, width), where the shape is guided.
        """
        place = self._place(tokens)
        middle = tokens.cells[:, :2]
        sides = place - middle.repeat(1, 2)
        inputs = torch.cat([(tokens.features - self.mean) / self.deviation, tokens.cells, sides], 1)
        step = FEATURE_STEP if self.shape.from_scores else FEATURE_STEP_ALONE
        vectors: torch.Tensor = step * self.second(nn.functional.gelu(self.first(inputs)))
        if self.shape.from_scores:
            vectors = vectors + evidence(tokens.logits) @ self.names
        if self.shape.guided and instruction is not None:
            weights = torch.softmax(self.asking(vectors) @ self.asked(instruction).T / 8, -1)
            vectors = vectors + FEATURE_STEP * self.taken(weights @ instruction)
        return vectors

    def slots(self, vectors: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """The inputs of all slots, shape (m, 5, width); the four of a box hold where that side of l_i is."""
        sides = self._place(tokens) - tokens.cells[:, :2].repeat(1, 2)
        places = self.place(fourier(sides))
        kinds = self.kinds[None] + vectors[:, None]
        return torch.cat([kinds[:, :1], kinds[:, 1:] + places], 1)

    def _place(self, tokens: TokenBatch) -> torch.Tensor:
        """The corners of l_i, shape (m, 4)."""
        if self.shape.from_boxes:
            return tokens.boxes.clamp(0, 1)
        middle, half = tokens.cells[:, :2], tokens.cells[:, 2:] / 2
        return torch.cat([middle - half, middle + half], 1)


def fourier(places: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of offsets, shape (..., 2 x frequencies); the unit is the image's width or height."""
    periods = 4 * (4 / BINS / 4) ** (torch.arange(FREQUENCIES, device=places.device) / (FREQUENCIES - 1))
    angles = places[..., None] * (2 * math.pi / periods)
    return torch.cat([angles.sin(), angles.cos()], -1)


EVIDENCE_FROM, STEEPNESS = 2.4, 2.0
"""Log-odds against a class below which the detector's evidence for it counts as none, and how sharply that ends: each
of 80 classes has some evidence everywhere, which together would drown what there is for one."""


def evidence(logits: torch.Tensor) -> torch.Tensor:
    """How strongly each class's name speaks in a token's vector: 1 at a score of a half, nearly 0 below 0.05."""
    return nn.functional.softplus(STEEPNESS * (logits + EVIDENCE_FROM)) / (STEEPNESS * EVIDENCE_FROM)


class NameVectors(nn.Module):
    """A vector for each name: the mean of its tokens' embeddings without what all tokens share.

    Args:
        embeddings: of the language model, shape (tokens, width).
    """

    embeddings: torch.Tensor
    shared: torch.Tensor

    def __init__(self, embeddings: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings.detach(), persistent=False)
        self.register_buffer("shared", self.embeddings.float().mean(0), persistent=False)

    def of(self, names: Sequence[Sequence[int]]) -> torch.Tensor:
        """The vectors of names, each its token ids; float32, shape (n, width)."""
        if not names:
            return self.shared.new_zeros(0, len(self.shared))
        means = [self.embeddings[list(name)].float().mean(0) for name in names]
        return torch.stack(means) - self.shared


@dataclass
class Written:
    """What the decoder wrote into the slots.

    Attributes:
        classes: log-odds behind a softmax over the prompt's classes and, last, `<no>`; shape (class slots, k + 1).
        places: the same over the location tokens; shape (box slots, 1025).
    """

    classes: torch.Tensor
    places: torch.Tensor


@dataclass(frozen=True)
class Segments:
    """Slots of several images, or of texts, that stand behind one prompt; all have as many.

    Attributes:
        slots: inputs, shape (segments, length, width).
        class_slots: the first so many of each segment are class slots, the others those of boxes.
    """

    slots: torch.Tensor
    class_slots: int


class Network(nn.Module):
    """A language model with its adapter, and the projector.

    Args:
        decoder: the transformer without its head, opened with the attention of `language.writing.packed_attention`.
        embeddings: its embeddings, input and output alike, shape (tokens, width).
        projector: beside it.
    """

    def __init__(self, decoder: Any, embeddings: torch.Tensor, projector: Projector) -> None:
        super().__init__()
        self.decoder = decoder
        self.projector = projector
        self.names = NameVectors(embeddings)

    @property
    def embeddings(self) -> torch.Tensor:
        """Of the language model, input and output alike, shape (tokens, width)."""
        return self.names.embeddings

    def write(self, prompt: Prompt, segments: Segments, sees_others: bool | None = None) -> Written:
        """Fill all slots behind a prompt, in one pass.

        Args:
            sees_others: whether slots see the class slots of their segment; None for what the shape says.
        """
        device = self.embeddings.device
        count, length, _ = segments.slots.shape
        begun = len(prompt.tokens)
        beginning = self.embeddings[torch.from_numpy(prompt.tokens).to(device)]
        inputs = torch.cat([beginning, segments.slots.flatten(0, 1).to(beginning.dtype)])
        seen = self.projector.shape.sees_others if sees_others is None else sees_others
        layout = Layout.of(begun, [length] * count, device, unseen(length, segments.class_slots, seen))
        positions = torch.cat([torch.arange(begun), torch.full((count * length,), begun)])
        output = _hidden(self.decoder, inputs[None], positions[None], layout=layout)[0, begun:]
        return self.read(output.view(count, length, -1), prompt, segments.class_slots)

    def read(self, hidden: torch.Tensor, prompt: Prompt, class_slots: int) -> Written:
        """What stands in the slots, of their last hidden states, shape (segments, length, width)."""
        rows = self.embeddings[torch.from_numpy(prompt.rows).to(hidden.device)].float()
        rows = torch.cat([rows, NONE_STEP * self.projector.none[None]])
        classes = hidden[:, :class_slots].flatten(0, 1).float() @ rows.T
        places = hidden[:, class_slots:].flatten(0, 1).float() @ self.projector.locations.T
        return Written(classes, places)


def unseen(length: int, class_slots: int, sees_others: bool) -> torch.Tensor:
    """Which slots of a segment each slot does not see, shape (length, length)."""
    seen = torch.eye(length, dtype=torch.bool)
    if sees_others:
        seen[:, :class_slots] = True
    return ~seen


def places_of(logits: torch.Tensor, reach: int = 4) -> torch.Tensor:
    """The places that were written, in bins: the mean over the likeliest location token and its neighbours.

    Args:
        logits: over the location tokens, shape (n, 1025).
        reach: neighbours on each side.
    """
    best = logits.argmax(1, keepdim=True)
    near = (best + torch.arange(-reach, reach + 1, device=logits.device)).clamp(0, LOCATIONS - 1)
    weights = torch.softmax(logits.gather(1, near), 1)
    return (weights * (near - BINS)).sum(1)


SLOT_ATTENTION = "skylark_slots"
"""The attention's name for transformers."""


@dataclass
class ReadPrompts:
    """Prompts of one length, with what the layers made of them.

    Attributes:
        prompts: in order.
        keys, values: by layer, each of shape (prompts, key heads, tokens, width).
    """

    prompts: tuple[Prompt, ...]
    keys: dict[int, Any] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Filling:
    """Slots that stand one behind the other, each group behind one of the prompts.

    Attributes:
        read: the prompts.
        sizes: slots of each group, the first behind the first prompt.
        unseen: of each group which of its slots each slot does not see, shape (slots, slots); None where each sees
            itself alone.
    """

    read: ReadPrompts
    sizes: tuple[int, ...]
    unseen: tuple[Any, ...] | None = None


def register() -> None:
    """Make the attention known to transformers."""
    AttentionInterface.register(SLOT_ATTENTION, attend)


def read_prompts(decoder: Any, embeddings: Any, prompts: Sequence[Prompt]) -> ReadPrompts:
    """Have a transformer, opened with the attention `SLOTS`, read prompts of one length.

    Args:
        decoder: without its head.
        embeddings: of it, shape (tokens, width).
        prompts: of the same names.
    """
    read = ReadPrompts(tuple(prompts))
    tokens = torch.stack([torch.from_numpy(prompt.tokens) for prompt in prompts]).to(embeddings.device)
    _hidden(decoder, embeddings[tokens], torch.arange(tokens.shape[1])[None], work=read)
    return read


def fill_slots(decoder: Any, slots: Any, filling: Filling) -> Any:
    """The last hidden states of slots, shape (slots, width)."""
    begun = len(filling.read.prompts[0].tokens)
    return _hidden(decoder, slots[None], torch.full((1, len(slots)), begun), work=filling)[0]


def _hidden(decoder: Any, inputs: Any, positions: Any, **how: Any) -> Any:
    """The last hidden states, by an attention that knows from `how` what is masked."""
    return decoder(
        inputs_embeds=inputs,
        # A mask that is given keeps one from being made.
        attention_mask=torch.zeros(1, 1, 1, 1, device=inputs.device),
        position_ids=positions.to(inputs.device),
        use_cache=False,
        **how,
    ).last_hidden_state


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, *, work: ReadPrompts | Filling, **_: Any
) -> tuple[Any, None]:
    """The attention of one layer, as transformers calls it: prompts are read, slots filled.

    Args:
        query: shape (prompts or 1, heads, tokens, width).
        key, value: shape (prompts or 1, key heads, tokens, width).
        work: the prompts that are read, or the slots that are filled.

    Returns:
        Shape (prompts or 1, tokens, heads, width), and no weights.
    """
    if isinstance(work, ReadPrompts):
        work.keys[module.layer_idx], work.values[module.layer_idx] = key, value
        found = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=True
        )
        return found.transpose(1, 2).contiguous(), None
    read, ends = work.read, torch.tensor(work.sizes).cumsum(0).tolist()
    parts = []
    for number, (size, end) in enumerate(zip(work.sizes, ends, strict=True)):
        own = slice(end - size, end)
        unseen = None if work.unseen is None else work.unseen[number]
        parts.append(
            _filled(
                query[0, :, own] * scaling,
                (read.keys[module.layer_idx][number], read.values[module.layer_idx][number]),
                (key[0, :, own], value[0, :, own]),
                unseen,
            )
        )
    return torch.cat(parts, 1)[None].transpose(1, 2).contiguous(), None


def _filled(query: Any, begun: tuple[Any, Any], own: tuple[Any, Any], unseen: Any) -> Any:
    """The attention of slots behind one prompt, shape (heads, slots, width); heads share keys in groups."""
    heads, slots, width = query.shape
    shared, length, _ = begun[0].shape
    asked = query.reshape(shared, -1, width)
    scores = torch.bmm(asked, begun[0].transpose(1, 2))
    if unseen is None:
        by_group = query.view(shared, -1, slots, width)
        itself = (by_group * own[0][:, None]).sum(-1, dtype=torch.float32).to(scores.dtype)
        weights = torch.softmax(torch.cat([scores, itself.reshape(shared, -1, 1)], -1), -1)
        added = weights[..., length:].view(shared, -1, slots, 1) * own[1][:, None]
        added = added.view(shared, -1, width)
    else:
        others = torch.bmm(asked, own[0].transpose(1, 2)).view(shared, -1, slots, slots)
        others = others.masked_fill(unseen, -torch.inf).view(shared, -1, slots)
        weights = torch.softmax(torch.cat([scores, others], -1), -1)
        added = torch.bmm(weights[..., length:], own[1].contiguous())
    return (torch.bmm(weights[..., :length], begun[1]) + added).view(heads, slots, width)
