"""Fitted link predictors on disk, beside the cached graphs, and the search for the one that fits a graph."""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from kg_data.cache_location import cache_dir
from reasoning.completion.embeddings.complex_model import ComplEx
from reasoning.completion.memory import NoMemoryError, unusable
from reasoning.completion.predictor import LinkPredictor, Weights, seen_in
from reasoning.completion.rules.rule_model import RulePredictor
from reasoning.completion.training_graph import Fingerprint, TrainingGraph
from reasoning.errors import CompletionError
from reasoning.graph.index import Ids, TripleIndex
from reasoning.graph.store import KnowledgeGraph

FORMAT = 2
MANIFEST, EMBEDDINGS, TRIPLES, RULES = "manifest.json", "embeddings.safetensors", "triples.npy", "rules"
MODEL = "model"
"""The folder of the fitted predictor in the folder of its training."""

log = logging.getLogger(__name__)


class Manifest(BaseModel):
    """The entries of a predictor's manifest that are read again.

    Attributes:
        graph, splits: the name of the graph that it was trained on, and the splits that this held.
        tables, triples: the `Fingerprint` of that graph.
        count: its triples.
        weights: how much each part counts.
        digest: identifies the predictor.
        parts: see `fitting.PARTS`.
        held_out_mrr: how well it ranked triples that were held out.
    """

    graph: str
    splits: list[str]
    tables: str
    triples: str
    count: int
    weights: Weights
    digest: str
    parts: str
    held_out_mrr: float


def training_folder(kg: KnowledgeGraph) -> Path:
    """Where a predictor for this graph is trained and kept, unless another folder is given."""
    safe = "".join(char if char.isalnum() or char in "-._" else "-" for char in kg.graph_name)[:40]
    mark = Fingerprint.of(kg)
    return cache_dir() / "completion" / f"{safe}-{mark.tables[:8]}-{mark.triples}-v{FORMAT}"


def save_predictor(folder: Path, kg: KnowledgeGraph, predictor: LinkPredictor, details: dict[str, Any]) -> None:
    """Write a predictor trained on `kg`, whole or not at all.

    Args:
        folder: where it is written; a predictor that is there is replaced.
        details: further entries of the manifest; only "parts" and "held_out_mrr" are read again.

    Raises:
        CompletionError: it cannot be written.
    """
    from safetensors import SafetensorError

    try:
        _write(folder, kg, predictor, details)
    except (OSError, SafetensorError) as error:
        raise CompletionError(f"the link predictor {folder} cannot be written: {error}") from error


def _write(folder: Path, kg: KnowledgeGraph, predictor: LinkPredictor, details: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    mark = Fingerprint.of(kg)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        if predictor.embeddings is not None:
            tensors = {"entities": predictor.embeddings.entities, "relations": predictor.embeddings.relations}
            save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, work / EMBEDDINGS)
        if predictor.rules is not None:
            predictor.rules.save(work / RULES)
        np.save(work / TRIPLES, kg.index.whole.triples())
        manifest = {
            "format": FORMAT,
            "graph": kg.graph_name,
            "splits": list(kg.splits),
            "tables": mark.tables,
            "triples": mark.triples,
            "count": len(kg),
            "weights": asdict(predictor.weights),
            "digest": predictor.digest,
            **details,
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def load_predictor(folder: Path, kg: KnowledgeGraph) -> LinkPredictor:
    """Open a predictor for a graph.

    Raises:
        CompletionError: there is none, it is damaged, it was fitted on another graph, or it was trained on an edge that
            this graph lacks.
    """
    if not (folder / MANIFEST).exists() and (folder / MODEL).is_dir():
        folder = folder / MODEL  # the folder of a training
    manifest = _manifest(folder)
    _check(folder, manifest, kg)
    return _open(folder, manifest, kg)


def find_predictor(kg: KnowledgeGraph) -> LinkPredictor:
    """The predictor among those kept that was trained on most of the graph's triples, the best checked of several.

    Raises:
        CompletionError: none fits; the message says why each was refused, and the command that trains one.
        NoMemoryError: one fits, and memory ran out when it was opened.
    """
    refused: list[str] = []
    fitting: list[tuple[Path, Manifest]] = []
    mark, outdated = Fingerprint.of(kg), 0
    for path in sorted((cache_dir() / "completion").glob(f"*/{MODEL}/{MANIFEST}")):
        try:
            manifest = _manifest(path.parent)
            if manifest.tables != mark.tables:
                outdated += kg.content.changes is not None and manifest.graph == kg.graph_name
                continue
            _check(path.parent, manifest, kg)
        except NoMemoryError:
            raise
        except CompletionError as error:
            refused.append(str(error))
            continue
        fitting.append((path.parent, manifest))
    for folder, manifest in sorted(fitting, key=lambda item: (item[1].count, item[1].held_out_mrr), reverse=True):
        try:
            return _open(folder, manifest, kg)
        except NoMemoryError:
            raise
        except CompletionError as error:
            log.warning("%s", error)
            refused.append(str(error))
    raise CompletionError(
        f'no link predictor is fitted on the graph "{kg.graph_name}"; '
        + (f"{outdated:,} fitted before its entities or relations changed; " if outdated else "")
        + "".join(f"{reason}; " for reason in refused)
        + f"train one: {_command(kg)}"
    )


def _unusable(folder: Path, error: Exception) -> CompletionError:
    return unusable(f"the link predictor {folder}", error, f"the link predictor {folder} is damaged: {error}")


def _command(kg: KnowledgeGraph) -> str:
    """What trains a predictor for a graph: a command, or a call where no command can name the graph."""
    if kg.origin is None:
        return "fit(kg, suited_options(len(kg))), from reasoning.completion.fitting and reasoning.completion.options"
    # The test split is what will be predicted, so it is never trained on, even where the graph holds it.
    splits = ["--split", "+".join(name for name in kg.splits if name != "test")] if "train" in kg.splits else []
    return shlex.join(["python", "-m", "reasoning", "complete", "train", *kg.origin.arguments, *splits])


def _manifest(folder: Path) -> Manifest:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise CompletionError(
                f"the link predictor {folder} is of format {content['format']}, and this version of Skylark reads "
                f"format {FORMAT}; train it again"
            )
        return Manifest.model_validate(content)
    except FileNotFoundError:
        raise CompletionError(f"{folder} holds no fitted link predictor (no {MANIFEST})") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise CompletionError(f"the link predictor {folder} is damaged: {MANIFEST}: {wrong}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompletionError(f"the link predictor {folder} is damaged: {MANIFEST}: {error!r}") from error


def _check(folder: Path, manifest: Manifest, kg: KnowledgeGraph) -> None:
    """Refuse a predictor of another graph, or one that knows more than the graph."""
    if _fingerprint(manifest) == Fingerprint.of(kg):
        return
    try:
        triples = np.load(folder / TRIPLES, allow_pickle=False)
    except (OSError, ValueError, MemoryError) as error:
        raise _unusable(folder, error) from error
    _trained_on(manifest, triples).check(kg, f"the link predictor {folder}")


def _fingerprint(manifest: Manifest) -> Fingerprint:
    return Fingerprint(manifest.tables, manifest.triples)


def _trained_on(manifest: Manifest, triples: Ids) -> TrainingGraph:
    return TrainingGraph(manifest.graph, tuple(manifest.splits), _fingerprint(manifest), triples)


def _open(folder: Path, manifest: Manifest, kg: KnowledgeGraph) -> LinkPredictor:
    from safetensors import SafetensorError

    embeddings = rules = None
    try:
        triples = np.load(folder / TRIPLES, allow_pickle=False)
        if manifest.parts != "rules":
            from safetensors.torch import load_file  # takes a second, which rules need not wait for

            tensors = load_file(folder / EMBEDDINGS)
            embeddings = ComplEx(tensors["entities"], tensors["relations"])
        if manifest.parts != "complex":
            rules = RulePredictor.load(folder / RULES, TripleIndex.build(triples, kg.entity_count, kg.relation_count))
    except (
        OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, MemoryError, CompletionError,
    ) as error:  # fmt: skip
        raise _unusable(folder, error) from error
    seen, trained_on = seen_in(triples, kg.entity_count), _trained_on(manifest, triples)
    return LinkPredictor(embeddings, rules, seen, trained_on, manifest.weights, manifest.digest, folder)
