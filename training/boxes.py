"""Training of the decoder that writes boxes: the learner, the curriculum and a stage's run."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from reasoning.lm.errors import LLMError
from reasoning.lm.low_rank import save_adapter
from skylark.files import cache_dir
from training.box_binding import Binding, BindingSlots
from training.box_examples import BoxOptions, Picture, Pictures, PictureSet, Targeting, Targets
from training.learners import adapted, opened, other_layers
from training.loop import Progress, Report, TrainingError, claimed, last_checkpoint, train
from vision.decoder.detector import PROJECTOR_FILE, BoxWriting, Shape
from vision.decoder.image_tokens import TokenSource
from vision.decoder.network import Network, Projector, Segments, TokenBatch, Written, places_of
from vision.decoder.opening import (
    TEXT_ALONE,
    as_network,
    base_fingerprint,
    load_projector,
    new_projector,
    pack_attention,
)
from vision.decoder.vocabulary import BINS, MOST_CLASSES, DecoderTokens, Prompt, fixed_numbers, new_class_tokens

SPREAD = 1.5
"""Bins: the standard deviation of a taught place around the right one, so that near misses count as such."""

NEAR = 4.0
"""Bins from the right place up to which a side is examined as right."""

CLEAR = 0.3
"""Share of a class from which on a slot is examined."""


@dataclass(frozen=True, eq=False)
class BoxExample:
    """Segments behind one prompt, with what their slots are to say.

    Attributes:
        kind: examples of one kind are examined together.
        prompt: what is asked for.
        tokens: of all segments, one after the other, each of `count` tokens, those whose boxes are written first.
        count: tokens of a segment.
        boxed: the first so many of a segment have their boxes written.
        shares: what the class slots are to say, shape (tokens, k + 1).
        places: what the box slots of the boxed tokens are to say, bins, shape (segments x boxed, 4).
        weights: of these boxes, shape (segments x boxed,).
        texts: vectors of the last so many tokens, which are texts and have no image, shape (t, width).
        sees_others: whether slots see the class slots of their segment.
    """

    kind: str
    prompt: Prompt
    tokens: TokenBatch
    count: int
    boxed: int
    shares: torch.Tensor
    places: torch.Tensor
    weights: torch.Tensor
    texts: torch.Tensor
    sees_others: bool

    def __len__(self) -> int:
        segments = len(self.tokens) // self.count
        return len(self.prompt.tokens) + segments * (self.count + 4 * self.boxed)

    @property
    def pictures(self) -> int:
        """Segments that are of pictures."""
        return (len(self.tokens) - len(self.texts)) // self.count


@dataclass
class BoxLearner:
    """A network with PEFT's layers.

    Attributes:
        network: that is taught.
        writing: what belongs to its adapter.
        names: the vectors of a prompt's names, which the projector looks at where its shape is guided.
    """

    network: Network
    writing: BoxWriting
    names: Callable[[Prompt], torch.Tensor]

    @property
    def adapter(self) -> Any:
        """What is taught."""
        return self.network

    def loss(self, examples: Sequence[BoxExample]) -> Any:
        """The cross-entropy of classes, its mean over all slots and over those that hold something, and of places."""
        losses = []
        for example in examples:
            written = self.written(example)
            device = written.classes.device
            classes = -(example.shares.to(device) * torch.log_softmax(written.classes, -1)).sum(1)
            # Most slots hold nothing: those that hold something weigh as much as all of them together.
            something = 1 - example.shares[:, -1].to(device)
            losses.append(classes.mean() + (classes * something).sum() / something.sum().clamp(min=1))
            weights = example.weights.to(device)
            if float(weights.sum()) > 0:
                spread = around(example.places.to(device).flatten())
                places = -(spread * torch.log_softmax(written.places, -1)).sum(1).view(-1, 4).mean(1)
                losses.append((places * weights).sum() / weights.sum() / 4)
        pictures = self.writing.pictures + sum(example.pictures for example in examples)
        self.writing = replace(self.writing, pictures=pictures)
        return torch.stack(losses).sum() / len(examples)

    def written(self, example: BoxExample) -> Written:
        """What the network writes into an example's slots."""
        projector = self.network.projector
        device = self.network.embeddings.device
        tokens = example.tokens.to(device)
        pictures = len(tokens) - len(example.texts)
        shown = TokenBatch(*(part[:pictures] for part in vars(tokens).values()))
        guide = self.names(example.prompt).to(device) if projector.shape.guided else None
        parts = [projector.vectors(shown, guide)] if pictures else []
        if len(example.texts):
            parts.append(example.texts.to(device))
        slots = projector.slots(torch.cat(parts), tokens).view(-1, example.count, 5, parts[0].shape[1])
        boxes = slots[:, : example.boxed, 1:].flatten(1, 2)
        segments = Segments(torch.cat([slots[:, :, 0], boxes], 1), example.count)
        return self.network.write(example.prompt, segments, example.sees_others)

    def examine(self, examples: Sequence[BoxExample]) -> Report:
        """Classes that are the likeliest where one is clear, sides that are near; and how far they are from that."""
        right: dict[str, list[NDArray[np.bool_]]] = {}
        lost: dict[str, list[NDArray[np.float32]]] = {}
        with torch.inference_mode():
            for example in examples:
                written = self.written(example)
                logs, shares = torch.log_softmax(written.classes, -1).cpu(), example.shares
                clear = shares[:, :-1].max(1).values >= CLEAR
                hits = logs.argmax(1)[clear] == shares.argmax(1)[clear]
                if len(hits):
                    right.setdefault(example.kind, []).append(hits.numpy())
                surprise = torch.xlogy(shares, shares).sum(1) - (shares * logs).sum(1)
                lost.setdefault(example.kind, []).append(surprise.numpy())
                counted = example.weights >= CLEAR
                if counted.any():
                    away = (places_of(written.places.cpu()).view(-1, 4) - example.places)[counted].abs()
                    right.setdefault(f"{example.kind}: sides", []).append((away <= NEAR).flatten().numpy())
                    lost.setdefault(f"{example.kind}: sides", []).append((away.flatten() / BINS).numpy())
        return Report(
            {kind: float(np.concatenate(values).mean()) for kind, values in sorted(right.items())},
            {kind: float(np.concatenate(values).mean()) for kind, values in sorted(lost.items())},
        )

    def calibrate(self, examples: Sequence[BoxExample]) -> None:
        """Nothing: what is taught are probabilities already."""

    def save(self, folder: Path) -> None:
        """PEFT's files, the projector's weights, large matrices in bfloat16, and how the adapter is used."""
        save_adapter(self.network.decoder, folder)
        save_projector(self.network, folder)
        self.writing.write(folder)

    def staged(self, stage: str) -> BoxLearner:
        """The same, which notes that it is taught this stage."""
        return replace(self, writing=replace(self.writing, stages=(*self.writing.stages, stage)))


LARGE = 10_000
"""Numbers of a matrix that is kept in bfloat16."""


def save_projector(network: Network, folder: Path) -> None:
    """The projector's weights into an adapter's folder."""
    weights = {
        name: (value.to(torch.bfloat16) if value.numel() >= LARGE else value.float()).detach().cpu().contiguous()
        for name, value in network.projector.state_dict().items()
    }
    save_file(weights, folder / PROJECTOR_FILE)


def around(places: torch.Tensor) -> torch.Tensor:
    """The shares that each location token is taught to have, shape (n, 1025), of places in bins, shape (n,)."""
    bins = torch.arange(-BINS, BINS + 1, device=places.device)
    return torch.softmax(-((bins[None] - places[:, None]) ** 2) / (2 * SPREAD**2), 1)


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
    """The examples of a run; a `training.loop.Curriculum`.

    Args:
        options: how it is taught.
        tokens: the student's.
        binding: samples texts.
        vocabulary: of the detector.
        taught: pictures to teach with.
        held_out: pictures to examine with.
        is_bound: whether the student has been taught to bind: then the class sets of texts are large at once.

    Raises:
        TrainingError: the stage is taught with pictures, and none has as many tokens as are to be taught.
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
            raise TrainingError(f"no picture has {options.image_tokens} image tokens: give fewer as image_tokens, or "
                                f"other pictures")  # fmt: skip
        self._targeting = Targeting(vocabulary, options.truth, options.matching)
        self.exam = [*self._text_exam(), *self._image_exam(held_out)]

    def next_pass(self, progress: Progress) -> list[BoxExample]:
        """One pass, the same for the same update."""
        rng = random.Random(f"{self._options.seed}|{progress.updates}")
        if self._options.stage == "binding" or rng.random() < self._options.text:
            grown = MOST_TAUGHT if self._is_bound else FIRST_CLASSES + progress.updates
            return [self._text_example(self._class_set(min(grown, MOST_TAUGHT), rng), rng)]
        return [self._image_example(rng)]

    def calibration(self) -> list[BoxExample]:
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

    def _text_example(self, classes: Sequence[str], rng: random.Random) -> BoxExample:
        options = self._options
        prompt = self._prompt(classes, rng)
        room = options.tokens_of_a_pass - len(prompt.tokens)
        segments = max(1, room // (options.image_tokens + 4 * options.boxed))
        slots = [self._text_slots(prompt, rng) for _ in range(segments)]
        return self._example("binding", prompt, [], [], slots, rng.random() < SIGHTED)

    def _text_slots(self, prompt: Prompt, rng: random.Random) -> BindingSlots:
        """Slots of names: with evidence that is made up, or where there are pictures with that of one of them."""
        if self._places and rng.random() < BORROWED:
            pictures, place = rng.choice(self._places)
            logits = pictures[place].tokens.logits[: self._options.image_tokens]
            return self._binding.borrowed(prompt, logits, rng)
        return self._binding.slots(prompt, self._options.image_tokens, rng)

    def _image_example(self, rng: random.Random) -> BoxExample:
        options = self._options
        sampled = rng.sample(self._places, min(64, len(self._places)))
        if rng.random() < WHOLE:
            classes = rng.sample(self._vocabulary, len(self._vocabulary))
        else:
            # Of a few random classes most pictures show none, so those of one picture are favoured.
            pictures, place = sampled[0]
            likely = pictures[place].tokens.logits.max(0)
            shown = [name for name, logit in zip(self._vocabulary, likely, strict=True) if logit > -1]
            others = [name for name in self._vocabulary if name not in shown]
            classes = rng.sample(shown, rng.randint(0 if others else 1, len(shown)))
            classes += rng.sample(others, rng.randint(0 if classes else 1, len(others)))
            rng.shuffle(classes)
        prompt = self._prompt(classes, rng)
        room = options.tokens_of_a_pass - len(prompt.tokens)
        segments = max(1, room // (options.image_tokens + 4 * options.boxed))
        found = [_first(pictures[place], options.image_tokens) for pictures, place in sampled[:segments]]
        targets = [self._targeting.of(picture, classes) for picture in found]
        return self._example("images", prompt, found, targets, [], options.sees_others)

    def _example(
        self,
        kind: str,
        prompt: Prompt,
        pictures: Sequence[Picture],
        targets: Sequence[Targets],
        texts: Sequence[BindingSlots],
        sees_others: bool,
    ) -> BoxExample:
        options = self._options
        boxed = options.boxed
        batches = [*(TokenBatch.of(picture.tokens) for picture in pictures), *(text.tokens for text in texts)]
        shares = [*(target.shares for target in targets), *(text.shares for text in texts)]
        places = [*(target.places[:boxed] for target in targets), *(text.places[:boxed] for text in texts)]
        # Where l_i has no box, nothing says where the box of a text is.
        told = np.full(boxed, 1.0 if options.from_boxes else 0.0, np.float32)
        weights = [*(target.weights[:boxed] for target in targets), *(told for _ in texts)]
        return BoxExample(
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

    def _text_exam(self) -> list[BoxExample]:
        """Binding of any words and of the detector's classes, alone and among others."""
        examples = []
        for number in range(EXAMINED_PASSES):
            rng = random.Random(f"exam|{number}")
            asked = {"any words": self._binding.class_set(EXAMINED_CLASSES, rng), "classes": list(self._vocabulary)}
            for name, classes in asked.items():
                prompt = self._prompt(classes, rng)
                slots = [self._binding.clear(prompt, self._options.image_tokens, rng)]
                for seen in (False, True):
                    kind = f"binding of {name}{' among others' if seen else ''}"
                    examples.append(self._example(kind, prompt, [], [], slots, seen))
        return examples

    def _image_exam(self, held_out: Sequence[Pictures]) -> list[BoxExample]:
        examples = []
        for pictures in held_out:
            rng = random.Random("exam|images")
            usable = [place for place in pictures.places(self._options.image_tokens) if place % 2 == 0]
            for start in range(0, min(len(usable), 8 * EXAMINED_PASSES), 8):
                prompt = self._prompt(rng.sample(self._vocabulary, len(self._vocabulary)), rng)
                shown = [_first(pictures[place], self._options.image_tokens) for place in usable[start : start + 8]]
                targets = [Targeting(self._vocabulary, 0.0, "overlap").of(picture, prompt.classes) for picture in shown]
                examples.append(self._example("images", prompt, shown, targets, [], self._options.sees_others))
        return examples


def _first(picture: Picture, count: int) -> Picture:
    return Picture(picture.tokens[:count], picture.truth)


def joined(batches: Sequence[TokenBatch]) -> TokenBatch:
    """Tokens one behind the other."""
    return TokenBatch(*(torch.cat(parts) for parts in zip(*(vars(batch).values() for batch in batches), strict=True)))


def train_boxes(
    options: BoxOptions,
    out: Path,
    say: Callable[[str], None],
    source: TokenSource,
    sets: Sequence[PictureSet] = (),
    *,
    start: Path | None = None,
    device: str = "cpu",
    learner: type[BoxLearner] = BoxLearner,
) -> Report:
    """Teach one stage until `options.tokens` are seen; a run that stopped goes on.

    Args:
        options: how; those of a run that goes on must be the same.
        out: the run's folder: its log, and `checkpoint` with the adapter.
        say: is called with each line of progress.
        source: makes the image tokens.
        sets: pictures; those held out are examined with.
        start: an adapter to begin with, that of the stage before; None for a new one.
        device: by torch's name; a run may go on upon another.
        learner: how slots are filled; another than the usual one for experiments.

    Returns:
        The last examination.

    Raises:
        TrainingError: the folder holds another run, or the stage needs pictures and has none.
        LLMError: the student or the adapter cannot be loaded, or was taught with another detector.
    """
    if options.stage != "binding" and not sets:
        raise TrainingError(f"the stage {options.stage} is taught with pictures: name their folders")
    shown = {one.name: len(one.paths) for one in sets}
    with claimed(out, options, {"start": start and str(start.resolve()), "pictures": shown}):
        last = last_checkpoint(out)
        taught_one, tokens = prepare_boxes(options, source, last or start, device, learner)
        is_new = not {"projector", "joint"} & {*taught_one.writing.stages}
        if last is None:
            taught_one = taught_one.staged(options.stage)
        is_bound = len(taught_one.writing.stages) > 1
        network = taught_one.network
        for name, parameter in network.named_parameters():
            if name.startswith("decoder.") and options.stage == "projector":
                parameter.requires_grad_(False)
        binding = Binding(tokens.name, network.names, source.width, len(source.vocabulary))
        cache = cache_dir() / "image_tokens"
        halves = [one.split() for one in sets]
        taught = [Pictures(half, source, options.image_tokens, cache, say) for half, _ in halves]
        held_out = [Pictures(half, source, options.image_tokens, cache, say) for _, half in halves if half.paths]
        if last is None and is_new:
            measure(network.projector, taught)
        curriculum = BoxCurriculum(options, tokens, binding, source.vocabulary, taught, held_out, is_bound)
        say(f"{sum(map(len, taught))} pictures, mirrored ones among them; {sum(map(len, held_out)) // 2} are held out")
        return train(curriculum, options, out, taught_one, say)


def prepare_boxes(
    options: BoxOptions,
    source: TokenSource,
    start: Path | None = None,
    device: str = "cpu",
    learner: type[BoxLearner] = BoxLearner,
) -> tuple[BoxLearner, DecoderTokens]:
    """A network with PEFT's layers, from an adapter or new, and its tokens.

    Raises:
        LLMError: the model or the adapter cannot be loaded, or they do not belong together.
        TrainingError: the source knows too many classes.
    """
    model, tokenizer = opened(options)
    pack_attention(model)
    base = base_fingerprint(model)
    head = model.get_output_embeddings()
    if len(source.vocabulary) > MOST_CLASSES:
        raise TrainingError(f"{source.name} knows {len(source.vocabulary)} classes, and a prompt holds {MOST_CLASSES} "
                            f"at most: take a detector with fewer")  # fmt: skip
    shape = Shape(source.width, head.weight.shape[1], options.hidden, options.from_scores, options.from_boxes,
                  options.sees_others, options.guided, options.fixed_tokens)  # fmt: skip
    only = None
    if start is None:
        class_tokens = new_class_tokens(tokenizer, head.weight)
        named = (source.name, source.fingerprint)
        writing = BoxWriting(options.layers, base, options.source, named, source.vocabulary, shape, class_tokens)
    else:
        writing = BoxWriting.read(start)
        writing.check_base(base, start)
        writing.check_source(source, start)
        if writing.layers != options.layers:
            raise other_layers(start, writing.layers, options)
        if {*writing.stages} == {"binding"}:
            # Texts know neither features nor scores nor a detector's boxes: what sees pictures may be of any shape.
            only = TEXT_ALONE
        else:
            _check_shape(writing.shape, shape, start)
        writing = replace(writing, shape=shape)
    tokens = DecoderTokens(tokenizer, writing.class_tokens)
    projector = new_projector(writing, head.weight, tokens, source.vocabulary)
    if start is not None:
        load_projector(projector, start, only)
    network = as_network(adapted(model, options, start), head, projector, device).train()

    def names(prompt: Prompt) -> Any:
        return network.names.of([tokens.name(name) for name in prompt.classes])

    return learner(network, writing, names), tokens


def measure(projector: Projector, taught: Sequence[Pictures], most: int = 400) -> None:
    """Set the mean and the deviation of the features by some of the pictures, so that each weighs alike."""
    features = [
        torch.from_numpy(pictures[place].tokens.features)
        for pictures in taught
        for place in range(0, len(pictures), max(1, len(pictures) // most))
    ]
    if features:
        together = torch.cat(features)
        projector.mean.copy_(together.mean(0))
        projector.deviation.copy_(together.std(0).clamp(min=1e-3))


def _check_shape(stored: Shape, asked: Shape, start: Path) -> None:
    for name in ("hidden", "from_scores", "from_boxes", "guided"):
        has, wanted = getattr(stored, name), getattr(asked, name)
        if has != wanted:
            raise LLMError(f"{start} has {name} {has}, not {wanted}: give the same, or begin without it")
