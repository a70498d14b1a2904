"""Linking the words of questions to a graph of a million entities: milliseconds a question, beside a fuzzy search.

    python -m benchmarks.linking_speed [--entities N]

The names are pairs of the labels of `world`, drawn with a fixed seed, each the name of a city in one of a thousand
countries; the questions are five ways to ask about one of them, the name as it is, in small letters (one in five) or
with a slip of the pen (one in five). The peer is the obvious linker, the nearest of all names by
`rapidfuzz.process.extractOne`, given the name alone, so that it has less to do. Writes `results/linking_speed.json` and
`.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import statistics
import time
from pathlib import Path

from rapidfuzz import fuzz, process

from benchmarks.machine import machine, machine_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.linking import link_names
from reasoning.parsing.schema import schema_of

RESULTS = Path(__file__).resolve().parent / "results"
ASKED, PEER_ASKED = 200, 20
TEMPLATES = (
    "Which country is {} in?",
    "what is the population of {}",
    "Is {} in a country?",
    "Name the country where {} lies.",
    "How many people live in {}?",
)


def large(entities: int, draw: random.Random) -> tuple[KnowledgeGraph, list[str]]:
    """A graph of cities in countries with a population, and the cities' names."""
    labels = [label for label in KnowledgeGraph.load("world").entity_labels if " " not in label and label.isalpha()]
    names: dict[str, None] = {}
    while len(names) < entities:
        names[f"{draw.choice(labels)} {draw.choice(labels)}"] = None
    cities = list(names)
    countries = [f"Country {number}" for number in range(1000)]
    triples: list[tuple[str, str, str | int]] = [(city, "country", draw.choice(countries)) for city in cities]
    triples += [(city, "population", draw.randrange(1000, 10**7)) for city in cities]
    triples += [(city, "type", "city") for city in cities] + [(one, "type", "country") for one in countries]
    types = [*((city, "city") for city in cities), *((one, "country") for one in countries)]
    return KnowledgeGraph.from_triples(triples, "a million", types), cities


def slipped(name: str, draw: random.Random) -> str:
    """The name with two neighbouring letters swapped, not the first."""
    at = draw.randrange(2, len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entities", type=int, default=1_000_000, metavar="N")
    entities = parser.parse_args().entities
    draw = random.Random(0)
    kg, cities = large(entities, draw)
    schema = schema_of(kg)
    link_names("Which country is Paris in?", schema)  # tables that the first question makes
    kinds: dict[str, list[tuple[str, str]]] = {"as it is": [], "small letters": [], "a slip": []}
    for number in range(ASKED):
        city = draw.choice(cities)
        kind = "a slip" if number % 5 == 4 else "small letters" if number % 5 == 3 else "as it is"
        said = slipped(city, draw) if kind == "a slip" else city.lower() if kind == "small letters" else city
        kinds[kind].append((TEMPLATES[number // 5 % len(TEMPLATES)].format(said), city))
    rows, figures = [], {}
    for kind, questions in kinds.items():
        times, right = [], 0
        for question, city in questions:
            began = time.perf_counter()
            found = link_names(question, schema)
            times.append(time.perf_counter() - began)
            right += city in {name.label for name in found}
        figures[kind] = {
            "questions": len(questions),
            "linked": right,
            "median_ms": 1000 * statistics.median(times),
        }
        rows.append(f"| {kind} | {len(questions)} | {right} | {figures[kind]['median_ms']:.1f} |")
    began = time.perf_counter()
    for _, city in kinds["as it is"][:PEER_ASKED]:
        process.extractOne(city, cities, scorer=fuzz.ratio)
    peer = 1000 * (time.perf_counter() - began) / PEER_ASKED
    ratio = figures["as it is"]["median_ms"] / peer
    text = "\n".join(
        [
            "| the name | questions | among the candidates | median ms |",
            "|---|---|---|---|",
            *rows,
        ]
    )
    text += f"\n\n`rapidfuzz.process.extractOne` over the {len(cities):,} names, given the name alone: {peer:.0f} ms; "
    text += f"linking takes {ratio:.3f} of it.\n"
    print(text)
    here = machine()
    report = {
        "command": "python -m benchmarks.linking_speed",
        "date": datetime.date.today().isoformat(),
        "machine": here,
        "entities": kg.entity_count,
        "figures": figures,
        "peer_ms": peer,
        "ratio": ratio,
    }
    if entities == parser.get_default("entities"):
        head = f"# Linking at a million entities\n\n`{report['command']}`, on {machine_words(here)}.\n\n"
        (RESULTS / "linking_speed.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "linking_speed.md").write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main()
