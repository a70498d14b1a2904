"""Fitted predictors: fitted on a graph, kept on disk and opened again."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ValidationError

from reasoning.completion.embeddings import ComplEx, TrainingPairs, split_triples
from reasoning.completion.predictor import (
    Fingerprint,
    LinkPredictor,
    LinkRanking,
    TrainingGraph,
    TrainingOptions,
    Weights,
    fit_weights,
    rank_links,
    scorer_of,
    seen_in,
)
from reasoning.completion.rule_model import RulePredictor
from reasoning.completion.training import CHECKED, NoMemoryError, best_epoch, train, training_lock, unusable
from reasoning.errors import CompletionError
from reasoning.graph.index import Ids, TripleIndex
from reasoning.graph.store import KnowledgeGraph
from skylark.files import cache_dir, whole_folder

FORMAT = 2
MANIFEST, EMBEDDINGS, TRIPLES, RULES = "manifest.json", "embeddings.safetensors", "triples.npy", "rules"
MODEL = "model"
"""The folder of the fitted predictor in the folder of its training."""

log = logging.getLogger(__name__)


class Manifest(BaseModel):
    """The entries of a predictor's manifest that are read again.

    Attributes:
        graph, splits, count: of the graph that it was trained on, its name, splits and triples.
        tables, triples: the `Fingerprint` of that graph.
        weights: how much each part counts.
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
    """Write a predictor trained on `kg`, whole or not at all, in the place of one that is there.

    Of the further entries of the manifest, `details`, only "parts" and "held_out_mrr" are read again.

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
    with whole_folder(folder, replace=True) as work:
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
        return "fit(kg, suited_options(len(kg))), from reasoning.completion.fitted and reasoning.completion.predictor"
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


Parts = Literal["both", "complex", "rules"]
PARTS: tuple[str, ...] = get_args(Parts)

RUN, WHOLE_RUN = "run", "run-on-all"
"""The folders of the training runs in the folder of the training."""


@dataclass(frozen=True)
class Fitted:
    """What was fitted, and the folder where it is kept.

    `held_out`: how each part alone and all together rank triples that were not trained on, filtered, both directions.
    """

    predictor: LinkPredictor
    folder: Path
    held_out: dict[str, LinkRanking]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        weights = self.predictor.weights
        return {
            "folder": str(self.folder),
            "digest": self.predictor.digest,
            "weights": asdict(weights),
            "held_out": {name: ranking.to_dict() for name, ranking in self.held_out.items()},
        }


def fit(
    kg: KnowledgeGraph, options: TrainingOptions, parts: str = "both", out: Path | None = None, anew: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Fitted:  # fmt: skip
    """Fit a link predictor on a graph's triples and keep it; a run that was stopped goes on.

    Args:
        kg: the graph; nothing but its triples is looked at.
        options: how the ComplEx is trained, how much is held out, and the seed.
        parts: "both", "complex" or "rules".
        out: the folder; by default one beside the graph's cache, where `find_predictor` looks.
        anew: throw away the training that the folder holds; what else is in it stays.
        say: is given the progress, a line at a time.

    Raises:
        CompletionError: as `train`; the folder cannot be written, or another process trains in it.
    """
    if parts not in PARTS:
        raise CompletionError(f"parts must be one of {', '.join(PARTS)}, not {parts!r}")
    folder = out or training_folder(kg)
    with training_lock(folder):
        if anew:
            for name in (RUN, WHOLE_RUN, MODEL):
                shutil.rmtree(folder / name, ignore_errors=True)
        return _fit(kg, options, parts, folder, say)


def _fit(
    kg: KnowledgeGraph, options: TrainingOptions, parts: str, folder: Path, say: Callable[[str], None]
) -> Fitted:  # fmt: skip
    kept, held = split_triples(kg.index.whole, options.held_out, options.seed)
    embeddings = rules = tried_embeddings = tried_rules = None
    if parts != "rules":
        embeddings = tried_embeddings = train(kg, options, folder / RUN, say)
        if options.refit and len(held):
            say("training on all triples")
            again = replace(options, epochs=best_epoch(folder / RUN))
            embeddings = train(kg, again, folder / WHOLE_RUN, say, whole=True)
    # After the training, which goes on where it was: rules are mined in one go, and only once it is done.
    if parts != "complex":
        say("mining rules")
        rules = tried_rules = RulePredictor.fit(kg.index.whole, kg.entity_count, kg.relation_count, say=say)
        if len(held):
            say("mining rules without what is held out")
            without = TripleIndex.build(kept, kg.entity_count, kg.relation_count)
            tried_rules = RulePredictor.fit(without, kg.entity_count, kg.relation_count)
    seen, trained_on = seen_in(kg.index.whole.triples(), kg.entity_count), TrainingGraph.of(kg)
    # Neither part has met what is held out. Rules of the whole graph would not do, though they leave an edge out of its
    # own score: it still supports the rules of its rivals and makes them a little more confident than its own.
    tried = LinkPredictor(tried_embeddings, tried_rules, seen, trained_on, Weights(), "")
    held = held[np.random.default_rng(options.seed).permutation(len(held))]
    # Weights fitted on half of what is held out are judged on the other half; the final ones are fitted on all of it.
    everything, fitting, telling = (
        TrainingPairs.of(TripleIndex.build(part, kg.entity_count, kg.relation_count))
        for part in (held, held[: len(held) // 2], held[len(held) // 2 :][:CHECKED])
    )
    say("fitting the weights of the parts")
    tried = replace(tried, weights=fit_weights(tried, fitting, kg.index.whole, options.seed))
    weights = fit_weights(tried, everything, kg.index.whole, options.seed)
    ranked = {"together": rank_links(scorer_of(tried, kg.index.whole), telling, kg.index.whole)}
    if tried_embeddings is not None and tried_rules is not None:
        ranked["complex"] = rank_links(tried_embeddings.scores, telling, kg.index.whole)
        ranked["rules"] = rank_links(tried_rules.scores, telling, kg.index.whole)
    predictor = LinkPredictor(embeddings, rules, seen, trained_on, weights, "")
    predictor = replace(predictor, digest=_digest(predictor))
    details = {
        "options": options.to_dict(),
        "parts": parts,
        "held_out": {name: ranking.to_dict() for name, ranking in ranked.items()},
        "held_out_mrr": ranked["together"].mrr,
    }
    save_predictor(folder / MODEL, kg, predictor, details)
    say(f"kept in {folder / MODEL}")
    return Fitted(predictor, folder / MODEL, ranked)


def predict_by_rules(kg: KnowledgeGraph) -> LinkPredictor:
    """A link predictor of rules alone, in seconds; it is kept nowhere."""
    rules = RulePredictor.fit(kg.index.whole, kg.entity_count, kg.relation_count)
    seen = seen_in(kg.index.whole.triples(), kg.entity_count)
    predictor = LinkPredictor(None, rules, seen, TrainingGraph.of(kg), Weights(), "")
    return replace(predictor, digest=_digest(predictor))


def _digest(predictor: LinkPredictor) -> str:
    total = hashlib.sha256(repr(predictor.weights).encode())
    if predictor.embeddings is not None:
        for tensor in (predictor.embeddings.entities, predictor.embeddings.relations):
            total.update(np.ascontiguousarray(tensor.detach().numpy()).data)
    if predictor.rules is not None:
        total.update(predictor.rules.digest.encode())
    return total.hexdigest()[:16]
