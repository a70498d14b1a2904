"""Training a ComplEx on a graph's triples: 1-vs-all, reciprocal relations, early stopping, runs that survive a kill."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kg_data.devices import check_names, find_device
from reasoning.completion.embeddings.checkpoints import LOG_FILE, Progress, claim, last, restore, save
from reasoning.completion.embeddings.complex_model import ComplEx
from reasoning.completion.embeddings.loss import backward
from reasoning.completion.embeddings.training_pairs import TrainingPairs, split_triples
from reasoning.completion.link_ranking import rank_links
from reasoning.completion.options import TrainingOptions
from reasoning.completion.training_graph import Fingerprint
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.errors import LLMError

CHECKED = 2_000
"""Most held-out triples that a check ranks."""

TOGETHER = 8
"""Most targets of a pair in an update, so that no pair with thousands of them is most of one."""

SAVED_EVERY = 600.0
"""Seconds between two checkpoints, where no check comes before."""


def train(
    kg: KnowledgeGraph,
    options: TrainingOptions,
    run: Path,
    say: Callable[[str], None] = lambda line: None,
    whole: bool = False,
) -> ComplEx:
    """Train until the held-out triples are ranked no better, or `options.epochs` are done.

    Args:
        kg: the graph; nothing but its triples is looked at.
        options: how.
        run: the run's folder; a run that was stopped goes on from its last checkpoint.
        say: is given the progress, a line at a time.
        whole: hold nothing out, check nothing, and do all epochs.

    Returns:
        The embeddings of the best check, or of the last epoch where nothing is held out, on the CPU.

    Raises:
        CompletionError: the folder holds another run, the loss is no number any more, or there is too little memory.
    """
    import torch

    device = _device_with_room(kg, options)
    claim(run, options, str(Fingerprint.of(kg)))
    everything = TrainingPairs.of(kg.index.whole)
    taught, held_out = (everything, everything.pick(np.zeros(0, dtype=np.int64))) if whole else _split(kg, options)
    try:
        model = ComplEx.drawn(kg.entity_count, kg.relation_count, options.rank, options.scale, options.seed, device)
        fused = device.partition(":")[0] in ("cpu", "cuda")  # mps has none
        optimizer = torch.optim.Adagrad([model.entities, model.relations], lr=options.learning_rate, fused=fused)
        training = _Training(model, optimizer, options, run, say, _weights(model), Progress())
        if (checkpoint := last(run)) is not None:
            training.best, training.progress = restore(checkpoint, model, optimizer)
            say(f"going on from {checkpoint}: {training.progress.epoch} epochs done")
        training.go_on(taught, held_out, kg.index.whole)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise CompletionError(
            f"not enough memory for rank {options.rank} and batches of {options.batch}: "
            "give a smaller --rank or --batch"
        ) from error
    return ComplEx(training.best["entities"], training.best["relations"])


def _split(kg: KnowledgeGraph, options: TrainingOptions) -> tuple[TrainingPairs, TrainingPairs]:
    kept, held = split_triples(kg.index.whole, options.held_out, options.seed)
    if not len(held):
        held = kept  # too small to hold anything out: what is trained on is all there is to check with
    if len(held) > CHECKED:
        held = held[np.random.default_rng(options.seed).permutation(len(held))[:CHECKED]]
    taught, held_out = (
        TrainingPairs.of(TripleIndex.build(part, kg.entity_count, kg.relation_count)) for part in (kept, held)
    )
    return taught, held_out


@dataclass
class _Training:
    """A training under way; the best embeddings and its progress stand in its checkpoints."""

    model: ComplEx
    optimizer: Any
    options: TrainingOptions
    run: Path
    say: Callable[[str], None]
    best: dict[str, Any]
    progress: Progress
    saved: float = field(default_factory=time.monotonic)

    def go_on(self, taught: TrainingPairs, held_out: TrainingPairs, known: TripleIndex) -> None:
        """Do the epochs that are left."""
        progress, options = self.progress, self.options
        began = time.monotonic() - progress.seconds
        taught = taught.cut(TOGETHER)
        losses: list[float] = []
        while not _out_of_patience(progress, options) and progress.epoch < options.epochs:
            losses += self._epoch(taught, began)
            if progress.epoch % options.check_every == 0 or progress.epoch == options.epochs:
                self._check(held_out, known, float(np.mean(losses)), began)
                losses.clear()

    def _epoch(self, taught: TrainingPairs, began: float) -> list[float]:
        """The updates that are left of an epoch, and the loss of each."""
        import torch

        progress, options, model = self.progress, self.options, self.model
        # Cores without instructions for it are slower at bfloat16 than at float32.
        low = options.dtype == "bfloat16" or (options.dtype == "auto" and model.entities.device.type == "cuda")
        dtype = torch.bfloat16 if low else torch.float32
        losses: list[float] = []
        updates = math.ceil(len(taught) / options.batch)
        order = np.random.default_rng((options.seed, progress.epoch)).permutation(len(taught))
        for update in range(progress.update, updates):
            part = taught.pick(order[update * options.batch : (update + 1) * options.batch])
            losses.append(backward(model, part, options, dtype))
            if not math.isfinite(losses[-1]):
                raise _ran_away(f"loss is {losses[-1]}", progress.epoch + 1, options, self.run)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=False)
            progress.update = update + 1
            progress.seconds = time.monotonic() - began
            if time.monotonic() - self.saved > SAVED_EVERY:
                self._save()
                self.say(f"epoch {progress.epoch + 1}: {progress.update} of {updates} updates, loss {losses[-1]:.3f}")
        progress.epoch, progress.update = progress.epoch + 1, 0
        # The loss was looked at before the last update. A score sums products of three: larger ones overflow.
        if not all(
            math.isfinite(float(table.detach().abs().max() ** 4)) for table in (model.entities, model.relations)
        ):
            raise _ran_away("embeddings have no scores", progress.epoch, options, self.run)
        return losses

    def _check(self, held_out: TrainingPairs, known: TripleIndex, loss: float, began: float) -> None:
        """Rank what is held out, keep the best embeddings, and write the checkpoint and a line of the log."""
        progress = self.progress
        ranking = rank_links(self.model.scores, held_out, known)
        if ranking.mrr > progress.best_mrr or not len(held_out):
            self.best.update(_weights(self.model))
            progress.best_mrr, progress.best_epoch = ranking.mrr, progress.epoch
        progress.seconds = time.monotonic() - began
        self._save()
        line = {
            "epoch": progress.epoch,
            "seconds": round(progress.seconds),
            "memory": _most_memory(self.model.entities.device),
            "loss": round(loss, 5),
            "held_out": ranking.to_dict(),
        }
        with (self.run / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        checked = f"held-out MRR {ranking.mrr:.4f}, " if len(held_out) else ""
        a_pass = progress.seconds / progress.epoch
        self.say(f"epoch {progress.epoch}: loss {line['loss']:.3f}, {checked}{a_pass:.1f} s an epoch")

    def _save(self) -> None:
        save(self.run, self.model, self.optimizer, self.best, self.progress)
        self.saved = time.monotonic()


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


def _device_with_room(kg: KnowledgeGraph, options: TrainingOptions) -> str:
    """The device of a training, where there is one and it has the memory.

    Raises:
        CompletionError: there is too little memory.
        LLMError: there is no such device.
    """
    check_names(options.device, options.dtype, LLMError)
    device = find_device(options.device, LLMError)
    # Embeddings, their gradients, the optimizer's state, the best ones and a copy in work; scores of a batch, twice.
    rows = kg.entity_count + 2 * kg.relation_count
    needed = 4 * (5 * rows * 2 * options.rank + 2 * options.batch * kg.entity_count)
    if device != "cpu" or not hasattr(os, "sysconf") or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return device
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # What the system keeps of files can be given back, so not only free pages count.
    if needed > max(free, whole * 3 // 4):
        raise CompletionError(
            f"rank {options.rank} and batches of {options.batch} need {needed / 2**30:.1f} GiB for "
            f"{kg.entity_count:,} entities, and this machine has {whole / 2**30:.1f}: give a smaller --rank or --batch"
        )
    return device
