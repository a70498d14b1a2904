"""A prompt that is read once and looked at by slots, beside one pass over all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vision.decoder.tiny_decoders import blobs
from vision.decoder.image_tokens import NanoDetTokens
from vision.decoder.network import (
    SLOT_ATTENTION,
    Filling,
    Network,
    ReadPrompts,
    Segments,
    fill_slots,
    read_prompts,
    register,
    unseen,
)
from vision.decoder.opening import MOST_READ, Decoder, load_decoder
from vision.decoder.vocabulary import DecoderTokens, Prompt

CLASS_SLOTS, LENGTH = 4, 20
CLASSES = ("dog", "traffic light", "oak")


@pytest.fixture
def prompts(tokens: DecoderTokens) -> list[Prompt]:
    return [tokens.prompt(CLASSES, seed=seed) for seed in range(3)]


@contextmanager
def slot_attention(network: Network) -> Iterator[None]:
    """The attention that reads prompts once, for a while."""
    register()
    config = network.decoder.config
    before, config._attn_implementation = config._attn_implementation, SLOT_ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before


def slots_of(seed: int) -> torch.Tensor:
    return torch.randn(LENGTH, 256, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.mark.parametrize("sees_others", [False, True])
def test_slots_say_what_they_say_in_one_pass(network: Network, prompts: list[Prompt], sees_others: bool) -> None:
    slots = slots_of(0)
    expected = [network.write(prompt, Segments(slots[None], CLASS_SLOTS), sees_others) for prompt in prompts]
    with slot_attention(network):
        read = read_prompts(network.decoder, network.embeddings, prompts)
        apart = tuple(unseen(LENGTH, CLASS_SLOTS, True) for _ in prompts) if sees_others else None
        hidden = fill_slots(network.decoder, slots.repeat(3, 1), Filling(read, (LENGTH,) * 3, apart))
    for prompt, own, wanted in zip(prompts, hidden.view(3, LENGTH, -1), expected, strict=True):
        found = network.read(own[None], prompt, CLASS_SLOTS)
        assert torch.allclose(found.classes, wanted.classes, atol=1e-4)
        assert torch.allclose(found.places, wanted.places, atol=1e-4)


def test_what_was_read_is_not_changed_by_slots(network: Network, prompts: list[Prompt]) -> None:
    with slot_attention(network):
        read = read_prompts(network.decoder, network.embeddings, prompts[:1])
        first, _, again = (fill_slots(network.decoder, slots_of(seed), Filling(read, (LENGTH,))) for seed in (0, 1, 0))
    assert torch.equal(first, again)
    assert {tuple(key.shape[:1]) + tuple(key.shape[2:3]) for key in read.keys.values()} == {(1, len(prompts[0].tokens))}


@pytest.fixture(scope="module")
def decoder(adapter: Path) -> Decoder:
    return load_decoder(adapter)


class TestSeveralPermutations:
    def test_shares_are_the_mean_and_boxes_the_first_ones(self, decoder: Decoder, nanodet: NanoDetTokens) -> None:
        images = nanodet.tokens([blobs(120, 90), blobs(60, 80, 1)], 12)
        prompts = decoder.prompts(CLASSES, 7, 3)
        alone = [decoder.write([prompt], images) for prompt in prompts]
        for place, (shares, places) in enumerate(decoder.write(prompts, images)):
            np.testing.assert_allclose(shares, np.mean([one[place][0] for one in alone], 0), atol=0.03)
            np.testing.assert_allclose(places, alone[0][place][1], atol=4)
        rows = [prompt.rows.tolist() for seed in range(3) for prompt in decoder.prompts(CLASSES, seed)]
        assert len({tuple(one) for one in rows}) == len(rows) == 12
        assert rows[4:8] == [prompt.rows.tolist() for prompt in decoder.prompts(CLASSES, 1)]

    def test_an_image_does_not_hang_on_those_beside_it(self, decoder: Decoder, nanodet: NanoDetTokens) -> None:
        images = nanodet.tokens([blobs(120, 90), blobs(60, 80, 1), blobs(8, 8, 2)], 12)
        prompts = decoder.prompts(CLASSES)
        together = decoder.write(prompts, images)
        for image, both in zip(images, together, strict=True):
            (alone,) = decoder.write(prompts, [image])
            assert np.array_equal(alone[0], both[0]) and np.array_equal(alone[1], both[1])


def test_few_class_sets_are_kept(adapter: Path, nanodet: NanoDetTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, read_ones = load_decoder(adapter), []

    def counted(*arguments: object) -> ReadPrompts:
        read_ones.append(arguments)
        return read_prompts(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("vision.decoder.opening.read_prompts", counted)
    images = nanodet.tokens([blobs(40, 40)], 3)
    sets = [decoder.prompts((name,)) for name in ("dog", "oak", "whale")]
    for prompts in (sets[0], sets[0], sets[1], sets[0]):
        decoder.write(prompts, images)
    assert len(read_ones) == 2
    decoder.write(sets[2], images)
    decoder.write(sets[0], images)
    assert len(read_ones) == 4 and MOST_READ == 2, "the oldest was given up"
