"""Link prediction on UMLS, Nations and CoDEx-S: pykeen's ComplEx and this project's ComplEx, rules, and both together.

    pip install pykeen
    python -m benchmarks.link_prediction [--sets umls nations codex-s] [--seeds 3] [--tuned] [--data DIR]
    python -m benchmarks.link_prediction --large

DIR is the data folder, by default `$SKYLARK_DATA`. Everything is trained on the train split alone
and ranks the test split, filtered by all splits, in both directions; ties take the expected rank. One evaluator ranks
for all, `rank_links`; pykeen's own evaluator stands beside it, as a check that its model is asked rightly.

Both ComplEx have the same rank, epochs, batch and optimizer (Adagrad), a relation of its own for each inverse, and the
cross entropy of a softmax over all entities. pykeen stands there twice: as it comes, that is with its own initial
embeddings and regularizer and this project's learning rate, and with the learning rate, regularizer, initial scale and
number of epochs that rank the valid split best among `SWEEP`. This project's side takes the options that suit the
graph's size (`suited_options`, two sets of which the valid splits of the three graphs chose the one for small graphs)
and stops by what it holds out of the train split.

Time is processor time on one thread. Each training has a process of its own, with the libraries loaded and what has to
be compiled compiled; its memory is what that grows by at most.
Tuning is the peer's alone and most of the time: `--tuned` takes what the results say of it from the run before.
`--large` ranks a sample of the valid splits of FB15k-237 and NELL995 by rules alone. Every set's figures are of one run
and replace those of the set in `results/link_prediction.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import logging
import multiprocessing
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kg_data
from benchmarks.machine import machine, machine_words
from benchmarks.pykeen_complex import Pykeen, Setting
from reasoning import KnowledgeGraph
from reasoning.completion.embeddings import TrainingPairs
from reasoning.completion.fitted import fit, predict_by_rules
from reasoning.completion.predictor import LinkRanking, Scorer, TrainingOptions, rank_links, scorer_of, suited_options
from reasoning.graph.index import Ids, TripleIndex
from skylark.installation import version
from skylark.text import aligned

RESULTS = Path(__file__).resolve().parent / "results"
RANK = 128
EPOCHS = {"umls": 40, "nations": 40, "codex-s": 30}
LARGE = ("fb15k-237", "nell995-betae")
SAMPLED = 2_000
"""Valid triples of a large graph that are ranked, each in both directions."""


AS_IT_COMES = Setting(TrainingOptions().learning_rate, None, None)
SWEEP = (AS_IT_COMES, *(Setting(rate, nuclear, 1e-3) for rate in (0.1, 0.3, 0.6) for nuclear in (0.001, 0.005, 0.02)))
"""Tried for each graph with seed 0, each after a quarter, a half and all of the epochs."""

METHODS = {
    "pykeen": "pykeen ComplEx, as it comes",
    "pykeen_tuned": "pykeen ComplEx, tuned on valid",
    "complex": "Skylark ComplEx",
    "rules": "Skylark rules",
    "together": "Skylark, both",
}


@dataclass(frozen=True)
class Splits:
    """A data set: the graph that is trained on, and what is to be ranked.

    Attributes:
        train: the graph of the train split.
        everything: of all splits, which filter the ranks.
        valid, test: triples by index, shape (n, 3).
    """

    train: KnowledgeGraph
    everything: TripleIndex
    valid: Ids
    test: Ids

    @classmethod
    def load(cls, folder: Path) -> Splits:
        """Open a data set's folder."""
        train, both, everything = (
            KnowledgeGraph.load(folder, splits)
            for splits in (("train",), ("train", "valid"), ("train", "valid", "test"))
        )
        parts = [graph.index.whole.triples() for graph in (train, both, everything)]
        valid, test = (_beyond(less, more) for less, more in pairwise(parts))
        return cls(train, everything.index.whole, valid, test)

    def rank(self, scorer: Scorer, triples: Ids) -> LinkRanking:
        """The filtered ranks of some triples, in both directions."""
        asked = TripleIndex.build(triples, self.train.entity_count, self.train.relation_count)
        return rank_links(scorer, TrainingPairs.of(asked), self.everything)


def _beyond(less: Ids, more: Ids) -> Ids:
    known = set(map(tuple, less.tolist()))
    return np.array([triple for triple in more.tolist() if tuple(triple) not in known], dtype=np.int32)


def try_setting(splits: Splits, options: TrainingOptions, setting: Setting) -> list[dict[str, Any]]:
    """The valid split's MRR after a quarter, a half and all of the epochs."""
    peer, found = Pykeen(splits.train, options, setting), []
    for epochs in (options.epochs // 4, options.epochs // 2, options.epochs):
        peer.train_until(epochs)
        mrr = splits.rank(peer.scores, splits.valid).mrr
        found.append({"setting": asdict(replace(setting, epochs=epochs)), "valid_mrr": mrr})
    return found


def run_pykeen(splits: Splits, options: TrainingOptions, setting: Setting) -> dict[str, Any]:
    """Train and rank the test split."""
    began = time.process_time()
    peer = Pykeen(splits.train, options, setting)
    peer.train_until(setting.epochs)
    seconds = time.process_time() - began
    return _figures(splits.rank(peer.scores, splits.test), seconds) | {
        "own_mrr": peer.own_mrr(splits.test, splits.valid)
    }


def run_skylark(splits: Splits, options: TrainingOptions) -> dict[str, Any]:
    """Train the ComplEx, then fit it with rules, and rank the test split by each and both."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        fit(splits.train, options, "complex", Path(folder))
        trained = time.process_time() - began
        # The run in the folder is finished, so what is added is the mining of rules and the fitting of weights.
        predictor = fit(splits.train, options, "both", Path(folder)).predictor
        seconds = time.process_time() - began
    scorers = {
        name: scorer_of(part, splits.train.index.whole)
        for name, part in (("complex", replace(predictor, rules=None)), ("together", predictor))
    }
    found = {name: splits.rank(scorer, splits.test) for name, scorer in scorers.items()}
    return {
        "complex": _figures(found["complex"], trained),
        "together": _figures(found["together"], seconds) | {"weights": asdict(predictor.weights)},
    }


def run_rules(splits: Splits, triples: Ids) -> dict[str, Any]:
    """Mine rules and rank by them alone."""
    began = time.process_time()
    predictor = predict_by_rules(splits.train)
    seconds = time.process_time() - began
    began = time.process_time()
    ranking = splits.rank(scorer_of(predictor, splits.train.index.whole), triples)
    return _figures(ranking, seconds) | {"ranking_seconds": time.process_time() - began, "count": ranking.count}


def _figures(ranking: LinkRanking, seconds: float) -> dict[str, Any]:
    return {"mrr": ranking.mrr, "hits": {str(k): share for k, share in ranking.hits.items()}, "seconds": seconds}


def apart(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Run something in a process of its own; what it returned, and the MB that the process grew by at most.

    Its own memory is looked at from outside, fifty times a second; libraries and files that are mapped do not count.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(work(*arguments)))
    process.start()
    theirs.close()
    assert process.pid is not None
    first = most = _own_megabytes(process.pid)
    while not ours.poll(0.02):
        most = max(most, _own_megabytes(process.pid))
    try:
        result = ours.recv()
    except EOFError:
        raise SystemExit("a training ended without a result; its error stands above") from None
    process.join()
    return result, most - first


def _own_megabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    # A process that has just ended has no memory any more.
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0) * 1024 / 1e6


def warm_up() -> None:
    """Have the rules' machine code compiled and loaded before processes divide."""
    pairs = [(number, 3 * number % 20) for number in range(20)]
    triples = [(f"e{a}", relation, f"e{b}") for a, b in pairs for relation in ("r", "s")]
    rules = predict_by_rules(KnowledgeGraph.from_triples(triples))
    rules.parts(0, np.arange(2, dtype=np.int32))


def _resident(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6


def measured(
    folder: Path, seeds: Sequence[int], tried: list[dict[str, Any]], say: Callable[[str], None] = print
) -> dict[str, Any]:  # fmt: skip
    """All methods on one data set; pykeen's is tuned where no settings were tried yet."""
    splits = Splits.load(folder)
    kg = splits.train
    options = suited_options(len(kg), rank=RANK, epochs=EPOCHS[folder.name])
    tried = [*tried]
    for setting in SWEEP if not tried else ():
        tried += apart(try_setting, splits, options, setting)[0]
        say(f"{folder.name}: {tried[-1]}")
    tuned = Setting(**max(tried, key=lambda line: line["valid_mrr"])["setting"])
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in METHODS}
    for seed in seeds:
        seeded = replace(options, seed=seed)
        found, megabytes = apart(run_rules, splits, splits.test)
        runs["rules"].append(found | {"megabytes": megabytes})
        ours, megabytes = apart(run_skylark, splits, seeded)
        for name in ("complex", "together"):
            runs[name].append(ours[name] | {"megabytes": megabytes})
        for name, setting in (("pykeen", replace(AS_IT_COMES, epochs=options.epochs)), ("pykeen_tuned", tuned)):
            found, megabytes = apart(run_pykeen, splits, seeded, setting)
            runs[name].append(found | {"megabytes": megabytes})
        for name, lines in runs.items():
            say(f"{folder.name}, seed {seed}, {name}: {lines[-1]}")
    return {
        **_about(splits),
        "test_triples": len(splits.test),
        "options": options.to_dict(),
        "seeds": list(seeds),
        "sweep": tried,
        "tuned": asdict(tuned),
        "runs": runs,
    }


def measured_large(folder: Path, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Rules alone on a sample of the valid split."""
    splits = Splits.load(folder)
    order = np.random.default_rng(0).permutation(len(splits.valid))
    sample = splits.valid[np.sort(order[:SAMPLED])]
    found, megabytes = apart(run_rules, splits, sample)
    say(f"{folder.name}: {found}")
    return {**_about(splits), "valid_triples": len(sample), "rules": found | {"megabytes": megabytes}}


def _about(splits: Splits) -> dict[str, Any]:
    kg = splits.train
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "entities": kg.entity_count,
        "relations": kg.relation_count,
        "train_triples": len(kg),
    }


def as_markdown(report: Mapping[str, Any]) -> str:
    """All that is in the report."""
    parts = [
        "# Link prediction",
        "Filtered MRR on the test split, both directions, models trained on the train split alone. All are ranked by "
        "the same code. pykeen's ComplEx and Skylark's have the same rank, epochs, batch and optimizer (Adagrad), "
        "inverse relations, and a cross entropy over all entities; pykeen's is tuned on the valid split among "
        f"{3 * len(SWEEP)} settings; Skylark's options are those for small graphs, chosen on the valid splits of the "
        "three, and it stops by what it holds out of the train split. Mean of the seeds, and from the least to the "
        "most. Time is processor time on one thread, memory what a training's process grows by.",
    ]
    for name, figures in report["sets"].items():
        options = figures["options"]
        rows = []
        for method, title in METHODS.items():
            runs = figures["runs"][method]
            mrrs = [run["mrr"] for run in runs]
            hits = [statistics.mean(run["hits"][k] for run in runs) for k in ("1", "10")]
            own = [run["own_mrr"] for run in runs if "own_mrr" in run]
            rows.append(
                [
                    title,
                    f"{statistics.mean(mrrs):.4f}",
                    f"{min(mrrs):.4f} to {max(mrrs):.4f}",
                    *(f"{value:.3f}" for value in hits),
                    f"{statistics.mean(own):.4f}" if own else "",
                    f"{statistics.mean(run['seconds'] for run in runs):.1f}",
                    f"{statistics.mean(run['megabytes'] for run in runs):.0f}",
                ]
            )
        header = ["method", "MRR", "of the seeds", "Hits@1", "Hits@10", "pykeen's evaluator", "s", "MB"]
        tuned = figures["tuned"]
        parts += [
            f"## {name}",
            f"{figures['train_triples']:,} training triples, {figures['entities']:,} entities, "
            f"{figures['relations']} relations; {figures['test_triples']:,} test triples; rank {options['rank']}, "
            f"{options['epochs']} epochs, batch {options['batch']}, seeds {', '.join(map(str, figures['seeds']))}; "
            f"{_made(figures, f'--sets {name}')}",
            f"```\n{aligned(header, rows)}\n```",
            f"Tuned, pykeen's has learning rate {tuned['learning_rate']:g}, "
            + ("its own regularizer" if tuned["nuclear"] is None else f"nuclear 3-norm {tuned['nuclear']:g}")
            + ", "
            + ("its own initial scale" if tuned["scale"] is None else f"initial scale {tuned['scale']:g}")
            + f" and {tuned['epochs']} epochs.",
        ]
    if report["large"]:
        header = ["graph", "MRR", "Hits@1", "Hits@10", "mining s", "ranking s", "MB"]
        rows = [
            [
                name,
                f"{figures['rules']['mrr']:.4f}",
                *(f"{figures['rules']['hits'][k]:.3f}" for k in ("1", "10")),
                *(f"{figures['rules'][k]:.0f}" for k in ("seconds", "ranking_seconds", "megabytes")),
            ]
            for name, figures in report["large"].items()
        ]
        figures = next(iter(report["large"].values()))
        parts += [
            "## Rules alone on large graphs",
            f"{figures['valid_triples']:,} sampled triples of the valid split, filtered by all, both directions; "
            f"{_made(figures, '--large')}",
            f"```\n{aligned(header, rows)}\n```",
        ]
    return "\n\n".join(parts) + "\n"


def _made(figures: Mapping[str, Any], flags: str) -> str:
    peer = f", pykeen {figures['pykeen']}" if "pykeen" in figures else ""
    return (
        f"`python -m benchmarks.link_prediction {flags}`, {figures['date']}, Skylark {figures['version']}{peer}, "
        f"{machine_words(figures['machine'])}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--sets", nargs="+", choices=list(EPOCHS), default=list(EPOCHS))
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--tuned", action="store_true", help="take pykeen's tuning from the results, if it is there")
    parser.add_argument("--large", action="store_true", help="rules alone on FB15k-237 and NELL995 instead")
    options = parser.parse_args()
    names = LARGE if options.large else options.sets
    for name in names:
        if not (options.data / "kg" / name / "train.txt").is_file():
            parser.error(f"{options.data} does not hold kg/{name}/train.txt; set SKYLARK_DATA or pass --data")
    if not options.large and importlib.util.find_spec("pykeen") is None:
        parser.error("the peer is absent: pip install pykeen, best into an environment of its own")
    torch.set_num_threads(1)
    # For both: the products of pykeen's first embeddings underflow, and processors are slow at such numbers.
    torch.set_flush_denormal(True)
    warnings.filterwarnings("ignore", message="'pin_memory'")
    for logger in ("pykeen", "torch_max_mem"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    warm_up()
    target = RESULTS / "link_prediction.json"
    report: dict[str, Any] = {"sets": {}, "large": {}}
    if target.is_file():
        report = json.loads(target.read_text(encoding="utf-8"))
    for name in names:
        folder = options.data / "kg" / name
        if options.large:
            report["large"][name] = measured_large(folder)
        else:
            import pykeen.models  # noqa: F401  (before the processes divide)

            tried = report["sets"].get(name, {}).get("sweep", []) if options.tuned else []
            figures = measured(folder, range(options.seeds), tried)
            report["sets"][name] = figures | {"pykeen": importlib.metadata.version("pykeen")}
        RESULTS.mkdir(exist_ok=True)
        target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        target.with_suffix(".md").write_text(as_markdown(report), encoding="utf-8")
    print(as_markdown(report))


if __name__ == "__main__":
    main()
