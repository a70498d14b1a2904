"""Training a ComplEx on a graph's triples: 1-vs-all, reciprocal relations, early stopping, runs that survive a kill."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from reasoning.completion.embeddings.checkpoints import LOG_FILE, Progress, claim, last, restore, save
from reasoning.completion.embeddings.complex_model import ComplEx
from reasoning.completion.embeddings.loss import backward
from reasoning.completion.embeddings.training_pairs import Questions, split_triples
from reasoning.completion.link_ranking import rank_links
from reasoning.completion.options import TrainingOptions
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex
from reasoning.language.devices import check_names, find_device

CHECKED = 2_000
"""Most held-out triples that a check ranks."""

TOGETHER = 8
"""Most targets of a question in an update, so that no question with thousands of them is most of one."""

SAVED_EVERY = 600.0
"""Seconds between two checkpoints, where no check comes before."""


def train(
    index: TripleIndex, entities: int, relations: int, options: TrainingOptions, run: Path, triples: str,
    say: Callable[[str], None] = lambda line: None, whole: bool = False,
) -> ComplEx:  # fmt: skip
    """Train until the held-out triples are ranked no better, or `options.epochs` are done.

    Args:
        index: the triples.
        entities, relations: how many there are; relations without their inverses.
        options: how.
        run: the run's folder; a run that was stopped goes on from its last checkpoint.
        triples: a fingerprint of the triples, so that a run doesn't go on with others.
        say: told of the progress, a line at a time.
        whole: hold nothing out, check nothing, and do all epochs.

    Returns:
        The embeddings of the best check, or of the last epoch where nothing is held out, on the CPU.

    Raises:
        CompletionError: the folder holds another run, the loss is no number any more, or there is too little memory.
    """
    import torch

    device = _device_with_room(entities, relations, options)
    claim(run, options, triples)
    if whole:
        taught, held_out = Questions.of(index), Questions.of(index).pick(np.zeros(0, dtype=np.int64))
    else:
        taught, held_out = _split(index, entities, relations, options)
    try:
        model = ComplEx.drawn(entities, relations, options.rank, options.scale, options.seed, device)
        fused = device.partition(":")[0] in ("cpu", "cuda")  # mps has none
        optimizer = torch.optim.Adagrad([model.entities, model.relations], lr=options.learning_rate, fused=fused)
        best, progress = _weights(model), Progress()
        if (checkpoint := last(run)) is not None:
            best, progress = restore(checkpoint, model, optimizer)
            say(f"going on from {checkpoint}: {progress.epoch} epochs done")
        _epochs(model, optimizer, taught, held_out, index, options, run, best, progress, say)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise CompletionError(
            f"not enough memory for rank {options.rank} and batches of {options.batch}: "
            "give a smaller --rank or --batch"
        ) from error
    return ComplEx(best["entities"], best["relations"])


def _split(index: TripleIndex, entities: int, relations: int, options: TrainingOptions) -> tuple[Questions, Questions]:
    kept, held = split_triples(index, options.held_out, options.seed)
    if not len(held):
        held = kept  # too small to hold anything out: what is trained on is all there is to check with
    taught = Questions.of(TripleIndex.build(kept, entities, relations))
    if len(held) > CHECKED:
        held = held[np.random.default_rng(options.seed).permutation(len(held))[:CHECKED]]
    return taught, Questions.of(TripleIndex.build(held, entities, relations))


def _epochs(
    model: ComplEx, optimizer: Any, taught: Questions, held_out: Questions, index: TripleIndex,
    options: TrainingOptions, run: Path, best: dict[str, Any], progress: Progress, say: Callable[[str], None],
) -> None:  # fmt: skip
    import torch

    device = model.entities.device
    # Cores without instructions for it are slower at bfloat16 than at float32.
    low = options.dtype == "bfloat16" or (options.dtype == "auto" and device.type == "cuda")
    dtype = torch.bfloat16 if low else torch.float32
    began, saved = time.monotonic() - progress.seconds, time.monotonic()
    taught = taught.cut(TOGETHER)
    updates = math.ceil(len(taught) / options.batch)
    losses: list[float] = []
    while not _out_of_patience(progress, options) and progress.epoch < options.epochs:
        order = np.random.default_rng((options.seed, progress.epoch)).permutation(len(taught))
        for update in range(progress.update, updates):
            part = taught.pick(order[update * options.batch : (update + 1) * options.batch])
            losses.append(backward(model, part, options, dtype))
            if not math.isfinite(losses[-1]):
                raise _ran_away(f"loss is {losses[-1]}", progress.epoch + 1, options, run)
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            progress.update = update + 1
            progress.seconds = time.monotonic() - began
            if time.monotonic() - saved > SAVED_EVERY:
                save(run, model, optimizer, best, progress)
                saved = time.monotonic()
                say(f"epoch {progress.epoch + 1}: {progress.update} of {updates} updates, loss {losses[-1]:.3f}")
        progress.epoch, progress.update = progress.epoch + 1, 0
        # The loss was looked at before the last update. A score sums products of three: larger ones overflow.
        if not all(
            math.isfinite(float(table.detach().abs().max() ** 4)) for table in (model.entities, model.relations)
        ):
            raise _ran_away("embeddings have no scores", progress.epoch, options, run)
        if progress.epoch % options.check_every == 0 or progress.epoch == options.epochs:
            ranking = rank_links(model.scores, held_out, index)
            if ranking.mrr > progress.best_mrr or not len(held_out):
                best.update(_weights(model))
                progress.best_mrr, progress.best_epoch = ranking.mrr, progress.epoch
            progress.seconds = time.monotonic() - began
            save(run, model, optimizer, best, progress)
            saved = time.monotonic()
            line = {
                "epoch": progress.epoch,
                "seconds": round(progress.seconds),
                "memory": _most_memory(device),
                "loss": round(float(np.mean(losses)), 5),
                "held_out": ranking.to_dict(),
            }
            losses.clear()
            with (run / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            checked = f"held-out MRR {ranking.mrr:.4f}, " if len(held_out) else ""
            say(f"epoch {progress.epoch}: loss {line['loss']:.3f}, {checked}"
                f"{progress.seconds / progress.epoch:.1f} s an epoch")  # fmt: skip


def _out_of_patience(progress: Progress, options: TrainingOptions) -> bool:
    behind = (progress.epoch - progress.best_epoch) / options.check_every
    return progress.best_epoch > 0 and behind >= options.patience


def _ran_away(what: str, epoch: int, options: TrainingOptions, run: Path) -> CompletionError:
    return CompletionError(
        f"the {what} in epoch {epoch}: the numbers ran away. Give a smaller --learning-rate than "
        f"{options.learning_rate:g} with --anew; what was saved before stays in {run}"
    )


def _weights(model: ComplEx) -> dict[str, Any]:
    return {
        name: tensor.detach().cpu().clone()
        for name, tensor in (("entities", model.entities), ("relations", model.relations))
    }


def _most_memory(device: Any) -> int | None:
    """Most bytes that this process took so far, on a GPU those of the GPU; None where the system does not tell."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _device_with_room(entities: int, relations: int, options: TrainingOptions) -> str:
    """The device of a training, where there is one and it has the memory.

    Raises:
        CompletionError: there is too little memory.
        LLMError: there is no such device.
    """
    check_names(options.device, options.dtype)
    device = find_device(options.device)
    # Embeddings, their gradients, the optimizer's state, the best ones and a copy in work; scores of a batch, twice.
    wanted = 4 * (5 * (entities + 2 * relations) * 2 * options.rank + 2 * options.batch * entities)
    if device != "cpu" or not hasattr(os, "sysconf") or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return device
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # What the system keeps of files can be given back, so not only free pages count.
    if wanted > max(free, whole * 3 // 4):
        raise CompletionError(
            f"rank {options.rank} and batches of {options.batch} need {wanted / 2**30:.1f} GiB for "
            f"{entities:,} entities, and this machine has {whole / 2**30:.1f}: give a smaller --rank or --batch"
        )
    return device
