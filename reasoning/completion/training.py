"""Training of embeddings, with checkpoints from which a stopped run goes on."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from reasoning.completion.embeddings import ComplEx, TrainingPairs, compose, compose_ends, split_triples
from reasoning.completion.predictor import Fingerprint, TrainingOptions, rank_links
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.errors import LLMError
from skylark.files import newest_whole, whole_file, whole_folder
from skylark.models import check_names, find_device


def backward(model: ComplEx, batch: TrainingPairs, options: TrainingOptions, dtype: Any) -> float:
    """Add the gradients of a batch's loss to the embeddings and return the loss of a triple.

    For each triple (s, r, t): -log p(t | s, r) over all entities, -w log p(r | s, t) over all directed relations, and
    the nuclear 3-norm |s|^3 + |r|^3 + |t|^3 of the moduli.
    """
    import torch

    device = model.entities.device
    total = int(batch.starts[-1])
    sources, relations, targets, counts, rows = (
        torch.from_numpy(array).to(device, torch.int64)
        for array in (batch.sources, batch.relations, batch.targets, batch.counts, batch.rows)
    )
    entities, whole = model.entities.detach(), _gradient(model.entities)
    # Autograd would make a table of all entities for each of these, so they stand alone and their gradients are added.
    source, target = entities[sources].requires_grad_(), entities[targets].requires_grad_()
    relation = model.relations[relations]
    composed = compose(source, relation)
    loss, to_composed = _cross_entropy(composed.detach(), entities, whole, counts, rows, targets, dtype)
    rest = _nuclear(source, relation, target, counts) * (options.nuclear / total)
    if options.relation_weight:
        among = compose_ends(source[rows], target) @ model.relations.T
        rest = rest + options.relation_weight * torch.nn.functional.cross_entropy(among, relations[rows])
    # The gradient of (asked * constant).sum() with respect to `asked` is that constant.
    ((composed * to_composed).sum() + rest).backward()
    whole.index_add_(0, sources, source.grad).index_add_(0, targets, target.grad)
    return loss + float(rest.detach())


def _gradient(table: Any) -> Any:
    """The table's gradient, of zeros where there is none yet."""
    import torch

    if table.grad is None:
        table.grad = torch.zeros_like(table)
    return table.grad


def _cross_entropy(
    composed: Any, entities: Any, whole: Any, counts: Any, rows: Any, targets: Any, dtype: Any
) -> tuple[float, Any]:
    """The mean over triples of -log softmax, and its gradient with respect to `asked`; that of `entities` is added."""
    import torch

    total = len(targets)
    low, table = composed.to(dtype), entities.to(dtype)
    scores = (low @ table.T).float()
    norm = torch.logsumexp(scores, dim=1)
    loss = float((norm * counts).sum() - scores[rows, targets].sum()) / total
    slopes = scores.sub_(norm[:, None]).exp_().mul_((counts / total)[:, None])
    slopes.index_put_((rows, targets), torch.tensor(-1.0 / total, device=slopes.device), accumulate=True)
    slopes = slopes.to(dtype)
    if dtype == whole.dtype:
        whole.addmm_(slopes.T, low)
    else:
        whole.add_(slopes.T @ low)
    return loss, (slopes @ table).float()


def _nuclear(source: Any, relation: Any, target: Any, counts: Any) -> Any:
    """Summed over the batch's triples: the sources and relations count once for each target."""

    def cubes(table: Any) -> Any:
        a, b = table.chunk(2, dim=-1)
        return (a * a + b * b + 1e-30).pow(1.5).sum(dim=-1)

    return ((cubes(source) + cubes(relation)) * counts).sum() + cubes(target).sum()


_SIGNS = ("allocate memory", "out of memory", "unable to allocate", "os error 12")
"""Of messages of torch and safetensors, which have no error of their own for it."""


class NoMemoryError(CompletionError):
    """Memory ran out where a link predictor was opened or a run was gone on with; the files are as they were."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, of the process or of a device."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(sign in str(error).casefold() for sign in _SIGNS)


def unusable(what: str, error: Exception, otherwise: str) -> CompletionError:
    """The error for files that cannot be opened, such as "the link predictor X"; `otherwise` where memory sufficed."""
    if ran_out_of_memory(error):
        reason = str(error) or type(error).__name__
        return NoMemoryError(
            f"memory ran out while {what} was opened ({reason}): end other programs and try again, "
            "or train a smaller one (--rank, --parts rules)"
        )
    return CompletionError(otherwise)


CHECKPOINT, LOG_FILE, OPTIONS_FILE = "checkpoint", "log.jsonl", "options.json"
STATE_FILE, BEST_FILE, PROGRESS_FILE = "state.safetensors", "best.safetensors", "progress.json"


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder; the system ends the lock with the process.

    Raises:
        CompletionError: another one trains in it, or it cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock", timeout=0, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise CompletionError(
            f"another process trains in {folder}; wait for it or give another folder (--out)"
        ) from None
    except OSError as error:
        raise CompletionError(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@dataclass
class Progress:
    """Where a run is: passes done, updates done of the pass under way, seconds taken so far, and the best check."""

    epoch: int = 0
    update: int = 0
    seconds: float = 0.0
    best_mrr: float = -1.0
    best_epoch: int = 0


def claim(run: Path, options: TrainingOptions, triples: str) -> None:
    """Keep what decides the run in its folder, or compare it with what the folder holds; more epochs may be asked.

    Raises:
        CompletionError: the folder holds a run with other options or on other triples, or cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CompletionError(f"the folder {run} cannot be made: {error.strerror or error}") from error
    kept = run / OPTIONS_FILE
    settings = {**options.to_dict(), "triples": triples}
    for name in ("epochs", "device", "patience", "refit"):
        del settings[name]
    if kept.exists() and last(run) is not None:  # before the first checkpoint there is nothing to lose
        try:
            stored = json.loads(kept.read_text(encoding="utf-8"))
            if not isinstance(stored, dict):
                raise ValueError("expected an object")
        except (OSError, ValueError) as error:
            raise CompletionError(
                f"{kept} is damaged ({error}); begin anew (--anew) or give another folder (--out)"
            ) from error
        if differing := sorted(name for name in settings if stored.get(name) != settings[name]):
            differences = ", ".join(f"{name} {stored.get(name)} and not {settings[name]}" for name in differing)
            raise CompletionError(
                f"{run} holds a run with {differences}: give the same, another folder (--out), or begin anew (--anew)"
            )
    else:
        with whole_file(kept) as part:
            part.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def save(run: Path, model: ComplEx, optimizer: Any, best: dict[str, Any], progress: Progress) -> None:
    """Write the checkpoint, whole or not at all.

    Raises:
        CompletionError: it cannot be written; the one before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {name: tensor.detach() for name, tensor in (("entities", model.entities), ("relations", model.relations))}
    for position, values in optimizer.state_dict()["state"].items():
        state |= {f"{position}.{name}": value for name, value in values.items()}
    try:
        with whole_folder(run / CHECKPOINT, replace=True) as part:
            save_file(state, part / STATE_FILE)
            save_file(best, part / BEST_FILE)
            (part / PROGRESS_FILE).write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise CompletionError(
            f"the checkpoint {run / CHECKPOINT} cannot be written ({error}); the one before stays, "
            "and the same command goes on from it"
        ) from error


def last(run: Path) -> Path | None:
    """The newest whole checkpoint."""
    return newest_whole(run / CHECKPOINT, PROGRESS_FILE)


def _progress(checkpoint: Path) -> Progress:
    progress = Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text(encoding="utf-8")))
    for item in fields(Progress):
        if type(value := getattr(progress, item.name)) is not type(item.default):
            raise ValueError(f"{item.name} is {value!r}")
    return progress


def best_epoch(run: Path) -> int:
    """How many epochs a run had done at its best check; a `CompletionError` where no checkpoint says so."""
    checkpoint = last(run)
    try:
        if checkpoint is None:
            raise ValueError("none is there")
        return _progress(checkpoint).best_epoch
    except (OSError, TypeError, ValueError) as error:
        raise CompletionError(f"the checkpoint of {run} cannot be read ({error}); begin anew (--anew)") from error


def restore(checkpoint: Path, model: ComplEx, optimizer: Any) -> tuple[dict[str, Any], Progress]:
    """Put a checkpoint's numbers into the model and the optimizer; returns the best embeddings and where the run is.

    Raises:
        CompletionError: a file is damaged or of another shape.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(checkpoint / STATE_FILE, device=str(model.entities.device))
        best = load_file(checkpoint / BEST_FILE)
        progress = _progress(checkpoint)
        with torch.no_grad():
            model.entities.copy_(state.pop("entities"))
            model.relations.copy_(state.pop("relations"))
        whole = optimizer.state_dict()
        for name, value in state.items():
            position, key = name.split(".", 1)
            whole["state"].setdefault(int(position), {})[key] = value.cpu() if key == "step" else value
        optimizer.load_state_dict(whole)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise unusable(
            f"the checkpoint {checkpoint}",
            error,
            f"the checkpoint {checkpoint} cannot be read ({error}); begin anew (--anew) or give another folder (--out)",
        ) from error
    return best, progress


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
        while progress.epoch < options.epochs:
            behind = (progress.epoch - progress.best_epoch) / options.check_every
            if progress.best_epoch > 0 and behind >= options.patience:
                break
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
    """The device of a training, where there is one and it has the memory."""
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
