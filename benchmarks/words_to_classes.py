"""Words and phrases to COCO's 80 classes, against lists written before the code by someone who had not seen it.

    python -m benchmarks.words_to_classes [--final] [--fit]

A line is right where the classes are one of the sets that the list accepts. Without `--final` only the lists are run
that the code was written with; with it the one that was held back too, and `results/words_to_classes.json` and `.md`
are written. `--fit` shows what the least similarity of `vision.classes.matching` rests on: every phrase of the lexicon
is taken for unknown, as far as it would be without the lexicon, and weighed by the others.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.classes.matching import MIN_SIMILARITY, MIN_SIMILARITY_OF_PIECES, least_similarity, lexicon_vectors, vote
from vision.classes.vocabulary import Evidence, Vocabulary

HERE = Path(__file__).parent
LISTS = HERE / "lists"
RESULTS = HERE / "results"
HALVES = ("development", "common", "final")
"""The last one was held back; "common" holds everyday words, each with the one class that it means."""


@dataclass(frozen=True)
class Miss:
    """A line that is not right: the words, what they should mean, what they were taken for."""

    words: str
    expected: tuple[str, ...]
    found: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--final", action="store_true", help="run the half that was held back too and write the results"
    )
    parser.add_argument("--fit", action="store_true", help="show precision and recall by least similarity, and stop")
    options = parser.parse_args()
    if options.fit:
        fit()
        return
    matcher = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
    report = {
        "command": "python -m benchmarks.words_to_classes" + (" --final" if options.final else ""),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "halves": {half: run(matcher, half) for half in HALVES[: 2 + options.final]},
        "speed": speed(),
    }
    text = as_markdown(report)
    if options.final:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "words_to_classes.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "words_to_classes.md").write_text(text, encoding="utf-8")
    print(text)


def run(matcher: ClassMatcher, half: str) -> dict[str, Any]:
    """The figures of one half: all, those that mean classes, those that must be refused, and every miss."""
    lines = json.loads((LISTS / f"words.{half}.json").read_text(encoding="utf-8"))
    misses = []
    right = {"classes": 0, "refused": 0}
    total = {"classes": 0, "refused": 0}
    for line in lines:
        kind = "classes" if line["classes"] else "refused"
        found = matcher.match(line["words"]).classes
        accepted = {tuple(line["classes"]), *map(tuple, line.get("accept", ()))}
        total[kind] += 1
        right[kind] += found in accepted
        if found not in accepted:
            misses.append(asdict(Miss(line["words"], tuple(line["classes"]), found)))
    return {
        "right": sum(right.values()),
        "total": len(lines),
        "accuracy": sum(right.values()) / len(lines),
        "by_kind": {kind: {"right": right[kind], "total": total[kind]} for kind in right},
        "misses": misses,
    }


def speed() -> dict[str, float]:
    """Seconds to make a matcher and answer the first unknown word; then of one word, and of ten thousand together."""
    start = time.perf_counter()
    matcher = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
    matcher.match("flurbleton")
    first = time.perf_counter() - start
    each = [_seconds(matcher, [f"made up {i} thrumbly"]) for i in range(50)]
    kept = _seconds(matcher, ["flurbleton"] * 1000) / 1000
    many = _seconds(matcher, [f"nothing known {i}" for i in range(10_000)])
    return {"first": first, "unknown_median": float(np.median(each)), "kept": kept, "ten_thousand": many}


def _seconds(matcher: ClassMatcher, phrases: Sequence[str]) -> float:
    start = time.perf_counter()
    matcher.match_all(phrases)
    return time.perf_counter() - start


def fit() -> None:
    """Leave one out: how often the other phrases decide rightly, by least similarity.

    Only phrases count that would come to be weighed were they not in the lexicon: neither WordNet nor their last words
    say what they are.
    """
    phrases, vectors = lexicon_vectors()
    vocabulary = Vocabulary(COCO_CLASSES)
    meanings = [vocabulary.by_lexicon(phrase) or Evidence(()) for phrase in phrases]
    weighed = [i for i, phrase in enumerate(phrases) if not meanings[i].is_group and _unknown(vocabulary, phrase)]
    similarities = vectors[weighed] @ vectors.T
    similarities[np.arange(len(weighed)), weighed] = -1
    for kind, used in {"whole words": MIN_SIMILARITY, "words in pieces": MIN_SIMILARITY_OF_PIECES}.items():
        rows = [
            (float(row.max()), meanings[i].classes, vote(row, meanings, -1.0).classes)
            for i, row in zip(weighed, similarities, strict=True)
            if least_similarity(phrases[i]) == used
        ]
        classes = sum(bool(meant) for _, meant, _ in rows)
        print(f"{kind}: {len(rows)} phrases, {classes} of them classes; the least similarity in use is {used}")
        print("least  taken for a class  of them right  classes found  others refused")
        for least in np.arange(0.5, 0.91, 0.05):
            taken = [(meant, found) for similarity, meant, found in rows if similarity >= least and found]
            right = sum(meant == found for meant, found in taken)
            refused = 1 - sum(not meant for meant, _ in taken) / (len(rows) - classes)
            precision = right / max(len(taken), 1)
            print(f"{least:5.2f}  {len(taken):17d}  {precision:13.3f}  {right / classes:13.3f}  {refused:14.3f}")


def _unknown(vocabulary: Vocabulary, phrase: str) -> bool:
    words = phrase.split()
    ends = (" ".join(words[start:]) for start in range(1, len(words)))
    return vocabulary.by_senses(phrase) is None and not any(vocabulary.known(end) for end in ends)


def as_markdown(report: dict[str, Any]) -> str:
    """The figures and every miss as text."""
    speed_ = report["speed"]
    lines = [
        "# Words to classes",
        "",
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}.",
        "",
        "| half | right | of | accuracy | with classes | to be refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    halves = report["halves"]
    for half, figures in halves.items():
        kinds = [f"{kind['right']}/{kind['total']}" for kind in figures["by_kind"].values()]
        lines.append(
            f"| {half} | {figures['right']} | {figures['total']} | {figures['accuracy']:.3f} | {' | '.join(kinds)} |"
        )
    right, total = (sum(figures[key] for figures in halves.values()) for key in ("right", "total"))
    lines += [f"| all | {right} | {total} | {right / total:.3f} | | |", ""]
    misses = [(half, miss) for half, figures in halves.items() for miss in figures["misses"]]
    lines += [f"Every miss ({len(misses)}):", ""] if misses else ["No misses.", ""]
    for half, miss in misses:
        expected, found = (", ".join(miss[key]) or "no class" for key in ("expected", "found"))
        lines.append(f'- {half}: "{miss["words"]}" means {expected}; taken for {found}')
    lines += [
        *([""] if misses else []),
        f"A matcher answers its first unknown word after {speed_['first']:.2f} s, the next ones in "
        f"{speed_['unknown_median'] * 1e3:.1f} ms (median), a word that it has seen in {speed_['kept'] * 1e6:.1f} µs, "
        f"and ten thousand unknown phrases together in {speed_['ten_thousand']:.1f} s.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
