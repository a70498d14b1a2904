"""The control of the boxes benchmark: image tokens named without a language model.

An MLP of an image token's features gives a vector; its products with the vectors of the classes' names (the language
model's own embeddings, as the decoder begins with) and with one of `<no>` are the log-odds, the boxes are the
detector's. It is taught with the same pictures and the same targets as the decoder. `benchmarks.visionllm` uses it.
"""

from __future__ import annotations

import random
import sys

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.held_out_boxes import taught
from skylark.files import cache_dir
from training.box_examples import Pictures, Targeting
from training.boxes import joined
from vision.decoder.image_tokens import ImageTokens, NanoDetTokens
from vision.decoder.network import NameVectors, TokenBatch, evidence

IMAGE_TOKENS = 50
A_PASS = 8
HIDDEN = 768


class Control(nn.Module):
    """An MLP whose output is multiplied with the vectors of names.

    Args:
        features: width of the tokens' features.
        width: of the names' vectors.
        mean, deviation: of the features.
        vocabulary: vectors of the detector's classes where its scores are to be begun with, else None.
    """

    def __init__(
        self, features: int, width: int, mean: torch.Tensor, deviation: torch.Tensor, vocabulary: torch.Tensor | None
    ) -> None:
        super().__init__()
        self.mean, self.deviation, self.vocabulary = mean, deviation, vocabulary
        self.layers = nn.Sequential(
            nn.Linear(features, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, width)
        )
        self.none = nn.Linear(features, 1)
        self.scale = nn.Parameter(torch.tensor(0.0))

    def forward(self, tokens: TokenBatch, names: torch.Tensor) -> torch.Tensor:
        """Log-odds of the classes whose names have these vectors and, last, of none; shape (m, k + 1)."""
        features = (tokens.features - self.mean) / self.deviation
        vectors = self.layers(features)
        if self.vocabulary is not None:
            vectors = vectors + evidence(tokens.logits) @ self.vocabulary
        classes = vectors @ names.T * self.scale.exp()
        return torch.cat([classes, self.none(features)], 1)

    def shares(self, tokens: ImageTokens, names: torch.Tensor) -> NDArray[np.float32]:
        """Probabilities of the classes and none."""
        with torch.inference_mode():
            return torch.softmax(self(TokenBatch.of(tokens), names), 1).numpy()


def taught_control(images: int, from_scores: bool, vectors: NameVectors, name_ids: dict[str, tuple[int, ...]],
                   seed: int = 0) -> Control:  # fmt: skip
    """A control taught with so many pictures."""
    torch.manual_seed(seed)
    source = NanoDetTokens()
    cache = cache_dir() / "image_tokens"
    sets = [Pictures(half, source, IMAGE_TOKENS, cache, lambda line: print(line, file=sys.stderr)) for half in taught()]
    places = [(pictures, place) for pictures in sets for place in range(len(pictures))]
    rng = random.Random(seed)
    sample = torch.cat(
        [torch.from_numpy(pictures[place].tokens.features) for pictures, place in rng.sample(places, 400)]
    )
    names = vectors.of([name_ids[name] for name in source.vocabulary])
    names = nn.functional.normalize(names)
    control = Control(
        source.width, names.shape[1], sample.mean(0), sample.std(0).clamp(min=1e-3), names if from_scores else None
    )
    targeting = Targeting(source.vocabulary, 0.0, "overlap")
    optimizer = torch.optim.AdamW(control.parameters(), lr=2e-3, weight_decay=0.0)
    steps = images // A_PASS
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        drawn = [pictures[place] for pictures, place in rng.sample(places, A_PASS)]
        shares = np.concatenate([targeting.of(picture, source.vocabulary).shares for picture in drawn])
        tokens = joined([TokenBatch.of(picture.tokens) for picture in drawn])
        wanted = torch.from_numpy(shares)
        losses = -(wanted * torch.log_softmax(control(tokens, names), 1)).sum(1)
        something = 1 - wanted[:, -1]
        loss = losses.mean() + (losses * something).sum() / something.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"{step * A_PASS} images, loss {float(loss.detach()):.3f}", file=sys.stderr)
    return control
