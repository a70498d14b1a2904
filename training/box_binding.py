"""Binding from text: slots are vectors of names, and the model learns to say which class token a name was given.

No picture is needed for that, so the words can be any, and their number is what the dictionary has. A slot holds what
an image token will hold: the names of a few things, each as strongly as there is evidence for it, and noise. What it
is to say follows from the evidence. Words that stand in the prompt for a like thing (the name's synonyms, kinds and
what it is a kind of, in WordNet) are to be bound too, so that a model learns words by meaning.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.box_examples import shares_of
from vision.classes.lexicon import COCO_CLASSES, visible_nouns
from vision.decoder.network import NameVectors, TokenBatch, evidence
from vision.decoder.vocabulary import BINS, Prompt

UNTAUGHT = Path(__file__).parent / "lessons" / "untaught_words.tsv"
"""Words that no example holds, each with the class of COCO that it means: they are measured with."""

MOST_TOKENS_OF_A_NAME = 4

IN_PROMPT, ELSEWHERE = 0.6, 0.25
"""Share of slots whose name stands in the prompt, and whose name does not; the rest is noise alone."""

LEAST_DEPTH = 5
"""Of WordNet's hierarchy: what lies above is a kind of nearly everything."""

MOST_NOISE = 0.6
"""Of a slot, beside the length of a name's vector."""

RELATED = 0.25
"""Share of the names that are asked for by a related word."""


@dataclass(frozen=True)
class Words:
    """Names to teach with.

    Attributes:
        names: each once.
        related: of a name, others that mean the like.
    """

    names: tuple[str, ...]
    related: dict[str, tuple[str, ...]]


def untaught_words() -> dict[str, str]:
    """Word to the class of COCO that it means."""
    lines = UNTAUGHT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if line)


@cache
def taught_words() -> Words:
    """The visible nouns of WordNet, but for the untaught ones and compounds of them."""
    nouns = visible_nouns()

    def foremost(synset: int) -> list[str]:
        """The words that mean this before anything else."""
        words = [word for word in nouns.words(synset) if nouns.is_first_visible(word) and not _is_untaught(word)]
        return [word for word in words if nouns.sense(word, 0) == synset]

    names: dict[str, set[str]] = {}
    for synset in range(nouns.count):
        own = foremost(synset)
        above = [
            word for parent in nouns.parents(synset) if nouns.depth(parent) >= LEAST_DEPTH for word in foremost(parent)
        ]
        for word in own:
            names.setdefault(word, set()).update(other for other in (*own, *above) if other != word)
        for word in above:
            names.setdefault(word, set()).update(own)
    return Words(tuple(sorted(names)), {name: tuple(sorted(others)) for name, others in names.items() if others})


@cache
def _untaught() -> frozenset[str]:
    return frozenset("".join(_parts(word)) for word in untaught_words())


def _is_untaught(word: str) -> bool:
    """Whether it is an untaught word or holds one, in one word, in two or with a hyphen, or several of it.

    Who was taught "coffee mug" has been taught "mug", and who was taught "grownup" has been taught "grown-up".
    """
    parts = _parts(word)
    joined = ("".join(parts[start:end]) for end in range(1, len(parts) + 1) for start in range(end))
    return any(not _untaught().isdisjoint((text, text.removesuffix("s"))) for text in joined)


def _parts(word: str) -> list[str]:
    return re.split(r"[\s'-]+", word)


@dataclass(frozen=True)
class BindingSlots:
    """Slots of names.

    Attributes:
        vectors: shape (n, width), float32.
        shares: what each is to say: of the prompt's classes and, last, of `<no>`; shape (n, k + 1).
        tokens: places that go with them.
        places: what the four slots of a box are to say, bins, shape (n, 4).
    """

    vectors: torch.Tensor
    shares: NDArray[np.float32]
    tokens: TokenBatch
    places: NDArray[np.float32]


class Binding:
    """Samples class sets and slots of names.

    Args:
        tokens_of: token ids of a name.
        vectors: of names.
        features, classes: how many of each the detector's tokens have.
    """

    def __init__(
        self, tokens_of: Callable[[str], tuple[int, ...]], vectors: NameVectors, features: int, classes: int
    ) -> None:
        self._tokens_of, self._vectors = tokens_of, vectors
        self._features, self._classes = features, classes
        words = taught_words()
        self._names = [name for name in words.names if len(tokens_of(name)) <= MOST_TOKENS_OF_A_NAME]
        self._related = words.related
        self.strength = float(self._named(COCO_CLASSES).norm(dim=1).mean())

    def class_set(self, count: int, rng: random.Random) -> list[str]:
        """Different names, sampled at random; now and then several that are alike."""
        names = dict.fromkeys(rng.sample(self._names, count))
        for name in list(names)[: count // 8]:
            for other in self._related.get(name, ())[:2]:
                names[other] = None
        sampled = list(names)
        rng.shuffle(sampled)
        return sampled[:count]

    def slots(self, prompt: Prompt, count: int, rng: random.Random, related: bool = True) -> BindingSlots:
        """Slots behind a prompt."""
        classes = {name: place for place, name in enumerate(prompt.classes)}
        generator = np.random.default_rng(rng.getrandbits(32))
        spoken = [self._spoken(classes, prompt.classes, rng, related) for _ in range(count)]
        scores = np.zeros((count, len(classes)), np.float32)
        for slot, names in enumerate(spoken):
            for _, place, logit in names:
                if place is not None:
                    scores[slot, place] = max(scores[slot, place], 1 / (1 + np.exp(-logit)))
        slots = torch.tensor([slot for slot, names in enumerate(spoken) for _ in names], dtype=torch.long)
        weights = evidence(torch.tensor([logit for names in spoken for _, _, logit in names]))
        named = self._named([name for names in spoken for name, _, _ in names])
        noise = generator.standard_normal((count, named.shape[1])) * generator.uniform(0, MOST_NOISE, (count, 1))
        vectors = torch.from_numpy((noise * self.strength / np.sqrt(named.shape[1])).astype(np.float32))
        vectors.index_add_(0, slots, weights[:, None] * named)
        return self._with_places(vectors, shares_of(scores), generator)

    def borrowed(self, prompt: Prompt, logits: NDArray[np.float32], rng: random.Random) -> BindingSlots:
        """Slots with the evidence of real image tokens, for other names than the detector's.

        Args:
            prompt: whose names take the place of some of the detector's classes.
            logits: of the tokens, shape (n, classes).
            rng: samples.
        """
        columns = logits.shape[1]
        asked = rng.sample(range(len(prompt.classes)), min(len(prompt.classes), round(columns * rng.uniform(0.3, 1))))
        taken = {*prompt.classes}
        others = [name for name in rng.sample(self._names, columns) if name not in taken]
        places = [*asked, *[-1] * (columns - len(asked))]
        named = self._named([*(prompt.classes[place] for place in asked), *others][:columns])
        order = rng.sample(range(len(named)), len(named))
        weights = evidence(torch.from_numpy(logits[:, : len(named)]))
        scores = np.zeros((len(logits), len(prompt.classes)), np.float32)
        for column, place in enumerate(places[: len(named)]):
            if place >= 0:
                scores[:, place] = 1 / (1 + np.exp(-logits[:, order[column]]))
        vectors = weights[:, order] @ named
        return self._with_places(vectors, shares_of(scores), np.random.default_rng(rng.getrandbits(32)))

    def clear(self, prompt: Prompt, count: int, rng: random.Random, logit: float = 3.0) -> BindingSlots:
        """Slots that each hold one name of the prompt clearly, to examine with."""
        generator = np.random.default_rng(rng.getrandbits(32))
        asked = [rng.randrange(len(prompt.classes)) for _ in range(count)]
        scores = np.zeros((count, len(prompt.classes)), np.float32)
        scores[np.arange(count), asked] = 1
        named = self._named([prompt.classes[place] for place in asked])
        noise = generator.standard_normal(named.shape) * (0.3 * self.strength / np.sqrt(named.shape[1]))
        vectors = float(evidence(torch.tensor(logit))) * named + torch.from_numpy(noise.astype(np.float32))
        return self._with_places(vectors, shares_of(scores), generator)

    def _spoken(
        self, classes: dict[str, int], asked: Sequence[str], rng: random.Random, related: bool
    ) -> list[tuple[str, int | None, float]]:
        """What a slot speaks of: names, their place in the prompt, and the log-odds of each."""
        kind = rng.random()
        if kind > IN_PROMPT + ELSEWHERE:
            return []
        logit = rng.uniform(1, 4) if rng.random() < 0.4 else rng.uniform(-4, 2)
        name = rng.choice(asked) if kind < IN_PROMPT else rng.choice(self._names)
        place = classes.get(name)
        if related and place is not None and rng.random() < RELATED:
            others = [other for other in self._related.get(name, ()) if other not in classes]
            name = rng.choice(others) if others else name
        spoken = [(name, place, logit)]
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            other = rng.choice(asked) if rng.random() < 0.6 else rng.choice(self._names)
            if other != name and classes.get(other, -1) != place:
                spoken.append((other, classes.get(other), logit - 0.2 - rng.expovariate(0.6)))
        return spoken

    def _with_places(
        self, vectors: torch.Tensor, shares: NDArray[np.float32], generator: np.random.Generator
    ) -> BindingSlots:
        count = len(vectors)
        middles, sizes = generator.uniform(0, 1, (count, 2)), generator.beta(1, 3, (count, 4))
        boxes = np.clip(np.concatenate([middles - sizes[:, :2] / 2, middles + sizes[:, 2:] / 2], 1), 0, 1)
        cells = np.concatenate([middles, np.full((count, 2), 0.05)], 1)
        tokens = TokenBatch(
            torch.zeros(count, self._features),
            torch.from_numpy(cells.astype(np.float32)),
            torch.from_numpy(boxes.astype(np.float32)),
            torch.zeros(count, self._classes),
        )
        places = (boxes - np.tile(middles, 2)) * BINS
        return BindingSlots(vectors, shares, tokens, places.astype(np.float32))

    def _named(self, names: Sequence[str]) -> torch.Tensor:
        return self._vectors.of([self._tokens_of(name) for name in names]).cpu()
