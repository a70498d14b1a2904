"""The passes of a run: pictures and texts behind one prompt, drawn by the number of the update."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import torch

from reasoning.language.errors import TeachingError
from reasoning.language.teaching.checkpoints import Progress
from vision.decoder.network import TokenBatch
from vision.decoder.teaching.binding import Binding, BindingSlots
from vision.decoder.teaching.learner import BoxLesson
from vision.decoder.teaching.options import BoxOptions
from vision.decoder.teaching.pictures import Picture, Pictures
from vision.decoder.teaching.targets import Targeting, Targets
from vision.decoder.vocabulary import DecoderTokens, Prompt, fixed_numbers

EXAMINED_CLASSES = 80
"""Classes of the prompts of an examination of binding."""

EXAMINED_PASSES = 4
"""Of each kind."""

FIRST_CLASSES, MOST_TAUGHT = 6, 120
"""The most classes of a text: while binding is new they grow by one an update. Which name a slot has is seldom
learned where there are many from the start."""

SIGHTED = 0.25
"""Share of the texts whose slots see each other."""

BORROWED = 0.7
"""Share of the texts whose evidence is that of a picture, where there are pictures."""

WHOLE = 0.5
"""Share of the image passes that ask for the detector's whole vocabulary."""


class BoxCurriculum:
    """The lessons of a run; a `reasoning.language.teaching.loop.Curriculum`.

    Args:
        options: how it is taught.
        tokens: the student's.
        binding: draws texts.
        vocabulary: of the detector.
        taught: pictures to teach with.
        held_out: pictures to examine with.
        is_bound: whether the student has been taught to bind: then the class sets of texts are large at once.

    Raises:
        TeachingError: the stage is taught with pictures, and none has as many tokens as are to be taught.
    """

    unique_tokens = 0

    def __init__(
        self,
        options: BoxOptions,
        tokens: DecoderTokens,
        binding: Binding,
        vocabulary: Sequence[str],
        taught: Sequence[Pictures] = (),
        held_out: Sequence[Pictures] = (),
        is_bound: bool = False,
    ) -> None:
        self._options, self._tokens, self._binding = options, tokens, binding
        self._is_bound = is_bound
        self._vocabulary = tuple(vocabulary)
        self._places = [(pictures, place) for pictures in taught for place in pictures.places(options.image_tokens)]
        if options.stage != "binding" and not self._places:
            raise TeachingError(f"no picture has {options.image_tokens} image tokens: give fewer as image_tokens, or "
                                f"other pictures")  # fmt: skip
        self._targeting = Targeting(vocabulary, options.truth, options.matching)
        self.exam = [*self._text_exam(), *self._image_exam(held_out)]

    def next_pass(self, progress: Progress) -> list[BoxLesson]:
        """One pass, the same for the same update."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        if self._options.stage == "binding" or rng.random() < self._options.text:
            grown = MOST_TAUGHT if self._is_bound else FIRST_CLASSES + progress.updates
            return [self._text_lesson(self._class_set(min(grown, MOST_TAUGHT), rng), rng)]
        return [self._image_lesson(rng)]

    def calibration(self) -> list[BoxLesson]:
        """Nothing is calibrated."""
        return []

    def _prompt(self, classes: Sequence[str], rng: random.Random) -> Prompt:
        if self._options.fixed_tokens:
            return self._tokens.prompt(classes, fixed_numbers(classes, self._vocabulary))
        return self._tokens.prompt(classes, seed=rng.getrandbits(32))

    def _class_set(self, most: int, rng: random.Random) -> list[str]:
        """Words of any kind, or the detector's classes; few of them or many, but no more than `most`."""
        count = round(math.exp(rng.uniform(0, math.log(most))))
        if rng.random() < 0.25:
            return rng.sample(self._vocabulary, min(count, len(self._vocabulary)))
        return self._binding.class_set(count, rng)

    def _text_lesson(self, classes: Sequence[str], rng: random.Random) -> BoxLesson:
        options = self._options
        prompt = self._prompt(classes, rng)
        room = options.tokens_of_a_pass - len(prompt.tokens)
        segments = max(1, room // (options.image_tokens + 4 * options.boxed))
        slots = [self._text_slots(prompt, rng) for _ in range(segments)]
        return self._lesson("binding", prompt, [], [], slots, rng.random() < SIGHTED)

    def _text_slots(self, prompt: Prompt, rng: random.Random) -> BindingSlots:
        """Slots of names: with evidence that is made up, or where there are pictures with that of one of them."""
        if self._places and rng.random() < BORROWED:
            pictures, place = rng.choice(self._places)
            logits = pictures[place].tokens.logits[: self._options.image_tokens]
            return self._binding.borrowed(prompt, logits, rng)
        return self._binding.slots(prompt, self._options.image_tokens, rng)

    def _image_lesson(self, rng: random.Random) -> BoxLesson:
        options = self._options
        drawn = rng.sample(self._places, min(64, len(self._places)))
        if rng.random() < WHOLE:
            classes = rng.sample(self._vocabulary, len(self._vocabulary))
        else:
            # Of a few random classes most pictures show none, so those of one picture are favoured.
            pictures, place = drawn[0]
            likely = pictures[place].tokens.logits.max(0)
            shown = [name for name, logit in zip(self._vocabulary, likely, strict=True) if logit > -1]
            others = [name for name in self._vocabulary if name not in shown]
            classes = rng.sample(shown, rng.randint(0 if others else 1, len(shown)))
            classes += rng.sample(others, rng.randint(0 if classes else 1, len(others)))
            rng.shuffle(classes)
        prompt = self._prompt(classes, rng)
        room = options.tokens_of_a_pass - len(prompt.tokens)
        segments = max(1, room // (options.image_tokens + 4 * options.boxed))
        found = [_first(pictures[place], options.image_tokens) for pictures, place in drawn[:segments]]
        targets = [self._targeting.of(picture, classes) for picture in found]
        return self._lesson("images", prompt, found, targets, [], options.sees_others)

    def _lesson(
        self,
        kind: str,
        prompt: Prompt,
        pictures: Sequence[Picture],
        targets: Sequence[Targets],
        texts: Sequence[BindingSlots],
        sees_others: bool,
    ) -> BoxLesson:
        options = self._options
        boxed = options.boxed
        batches = [*(TokenBatch.of(picture.tokens) for picture in pictures), *(text.tokens for text in texts)]
        shares = [*(target.shares for target in targets), *(text.shares for text in texts)]
        places = [*(target.places[:boxed] for target in targets), *(text.places[:boxed] for text in texts)]
        # Where l_i has no box, nothing says where the box of a text is.
        told = np.full(boxed, 1.0 if options.from_boxes else 0.0, np.float32)
        weights = [*(target.weights[:boxed] for target in targets), *(told for _ in texts)]
        return BoxLesson(
            kind,
            prompt,
            joined(batches),
            options.image_tokens,
            boxed,
            torch.from_numpy(np.concatenate(shares).astype(np.float32)),
            torch.from_numpy(np.concatenate(places)),
            torch.from_numpy(np.concatenate(weights).astype(np.float32)),
            torch.cat([text.vectors for text in texts]) if texts else torch.zeros(0),
            sees_others,
        )

    def _text_exam(self) -> list[BoxLesson]:
        """Binding of any words and of the detector's classes, alone and among others."""
        lessons = []
        for number in range(EXAMINED_PASSES):
            rng = random.Random(f"exam|{number}")
            asked = {"any words": self._binding.class_set(EXAMINED_CLASSES, rng), "classes": list(self._vocabulary)}
            for name, classes in asked.items():
                prompt = self._prompt(classes, rng)
                slots = [self._binding.clear(prompt, self._options.image_tokens, rng)]
                for seen in (False, True):
                    kind = f"binding of {name}{' among others' if seen else ''}"
                    lessons.append(self._lesson(kind, prompt, [], [], slots, seen))
        return lessons

    def _image_exam(self, held_out: Sequence[Pictures]) -> list[BoxLesson]:
        """A few pictures of each set, asked for the whole vocabulary."""
        lessons = []
        for pictures in held_out:
            rng = random.Random("exam|images")
            usable = [place for place in pictures.places(self._options.image_tokens) if place % 2 == 0]
            for start in range(0, min(len(usable), 8 * EXAMINED_PASSES), 8):
                prompt = self._prompt(rng.sample(self._vocabulary, len(self._vocabulary)), rng)
                shown = [_first(pictures[place], self._options.image_tokens) for place in usable[start : start + 8]]
                targets = [Targeting(self._vocabulary, 0.0, "overlap").of(picture, prompt.classes) for picture in shown]
                lessons.append(self._lesson("images", prompt, shown, targets, [], self._options.sees_others))
        return lessons


def _first(picture: Picture, count: int) -> Picture:
    return Picture(picture.tokens[:count], picture.truth)


def joined(batches: Sequence[TokenBatch]) -> TokenBatch:
    """Tokens one behind the other."""
    return TokenBatch(*(torch.cat(parts) for parts in zip(*(vars(batch).values() for batch in batches), strict=True)))
