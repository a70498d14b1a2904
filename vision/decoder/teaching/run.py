"""One stage of teaching a decoder, from the folders of pictures to an adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kg_data.cache_location import cache_dir
from reasoning.language.errors import LLMError, TeachingError
from reasoning.language.teaching.checkpoints import last_checkpoint
from reasoning.language.teaching.examining import Report
from reasoning.language.teaching.loop import claimed, teach
from reasoning.language.teaching.preparing import adapted, opened, other_layers
from vision.decoder.adapters import BoxWriting
from vision.decoder.image_tokens import TokenSource
from vision.decoder.network import Projector
from vision.decoder.opening import (
    TEXT_ALONE,
    as_network,
    base_fingerprint,
    load_projector,
    new_projector,
    pack_attention,
)
from vision.decoder.shape import Shape
from vision.decoder.teaching.binding import Binding
from vision.decoder.teaching.curriculum import BoxCurriculum
from vision.decoder.teaching.learner import BoxLearner
from vision.decoder.teaching.options import BoxOptions
from vision.decoder.teaching.pictures import Pictures, PictureSet
from vision.decoder.vocabulary import MOST_CLASSES, DecoderTokens, Prompt, new_class_tokens


def teach_boxes(
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
        TeachingError: the folder holds another run, or the stage needs pictures and has none.
        LLMError: the student or the adapter cannot be loaded, or was taught with another detector.
    """
    if options.stage != "binding" and not sets:
        raise TeachingError(f"the stage {options.stage} is taught with pictures: name their folders")
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
        return teach(curriculum, options, out, taught_one, say)


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
        TeachingError: the source knows too many classes.
    """
    model, tokenizer = opened(options)
    pack_attention(model)
    base = base_fingerprint(model)
    head = model.get_output_embeddings()
    if len(source.vocabulary) > MOST_CLASSES:
        raise TeachingError(f"{source.name} knows {len(source.vocabulary)} classes, and a prompt holds {MOST_CLASSES} "
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
