"""Queries on SPARQL engines against the exact executor: does each give the same, and how long does each take?

    python -m benchmarks.sparql_engines [--data DIR] [--per-type 50] [--deep 300] [--questions 100] [--engines A,B]

The engines are pyoxigraph in this process, the `oxigraph` server and Virtuoso, which are started here, on both
benchmark graphs and on `world`; see `tests/sparql_servers.py` for how they are installed. Each runs the one text that
`Query.to_sparql` writes; the servers also answer some of the queries as graphs, `KnowledgeGraph.load("sparql:URL")`,
and the chains of method lark. DIR is the data folder, by default `$SKYLARK_DATA`. Takes about ten minutes on an idle
machine. Writes `results/sparql_engines.json` and `.md` beside this file, after each graph.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pyoxigraph
from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import EndpointError
from reasoning.evaluation.query_files import find_files
from reasoning.evaluation.sampling import SamplingOptions, sample_queries
from reasoning.query.records import STRUCTURES
from skylark.installation import version
from skylark.text import aligned
from tests.reasoning.chat_models import faultless
from tests.reasoning.deep_queries import RandomQueries
from tests.reasoning.sparql_oracle import Ask, by_executor, by_sparql, over_http
from tests.sparql_servers import SERVERS, absent

SEED = 20
LISTS = Path(__file__).resolve().parent / "lists"
ASKED = LISTS / "questions.world.development.jsonl"
"""The list whose questions are read."""
LONGEST = 60.0
"""Seconds that an engine may take over one query."""
AS_GRAPH = 5
"""Queries of each group that are also answered by the graph on the server as a whole."""
EMBEDDED = 3
"""Chains that the embedded model answers; a model that reads every context without a fault answers all `AS_GRAPH`."""

Groups = Mapping[str, Sequence[Query]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--per-type", type=int, default=50, help="queries of each type")
    parser.add_argument("--deep", type=int, default=300, help="deep queries over world, a sixth with dates")
    parser.add_argument("--questions", type=int, default=100, help="questions that are read")
    parser.add_argument("--engines", default=",".join(("pyoxigraph", *SERVERS)), help="separated by commas")
    options = parser.parse_args()
    engines = options.engines.split(",")
    for name in engines:
        if name in SERVERS and (why := absent(name)):
            parser.error(f"{name}: {why}")
    began = time.perf_counter()
    report: dict[str, Any] = {
        "command": " ".join(("python -m benchmarks.sparql_engines", *sys.argv[1:])),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "pyoxigraph": pyoxigraph.__version__,
        "seed": SEED,
        "figures": {},
    }
    for name, kg, groups in graphs(options.data, options.per_type, options.deep, options.questions):
        report["figures"][name] = compared(name, kg, groups, engines)
        report["seconds"] = round(time.perf_counter() - began, 1)
        text = as_markdown(report)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "sparql_engines.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        (RESULTS / "sparql_engines.md").write_text(text, encoding="utf-8")
    print(text)


# The queries -----------------------------------------------------------------------------------------------------


def graphs(data: Path, per_type: int, deep: int, questions: int) -> Iterator[tuple[str, KnowledgeGraph, Groups]]:
    """Each graph by its name, with what it is asked; see the command's options."""
    for name in DATASETS:
        folder = data / "kg" / name
        yield name, KnowledgeGraph.load(folder), of_types(folder, per_type)
    kg = dated(KnowledgeGraph.load("world"))
    yield "world", kg, over_world(kg, deep, questions)


def from_files(folder: Path, kind: str, most: int) -> list[Query]:
    """The first queries of a type in a folder of query files, [] where it has none."""
    files, _ = find_files(folder, None)
    lines = [line for file in files if file.stem.endswith(f"-{kind}") for line in file.read_text("utf-8").splitlines()]
    return [Query.from_record(json.loads(line)) for line in lines[:most]]


def of_types(folder: Path, most: int) -> Groups:
    """The data set's first queries of each type; of types that it lacks, queries that the sampler draws."""
    given = {kind: from_files(folder / "queries", kind, most) for kind in STRUCTURES}
    lacking = [kind for kind, queries in given.items() if not queries]
    with tempfile.TemporaryDirectory() as drawn:
        if lacking:
            sample_queries(folder, Path(drawn), options=SamplingOptions(types=lacking, count=most, seed=SEED))
            given |= {kind: from_files(Path(drawn), kind, most) for kind in lacking}
    return given


def dated(kg: KnowledgeGraph) -> KnowledgeGraph:
    """The graph with a date drawn for each country, since it has none of its own."""
    rng = random.Random(SEED)
    countries = Reasoner(kg, method="exact").answer('~type("country")').entities
    days = [datetime.date.fromordinal(rng.randrange(500_000, 738_000)) for _ in countries]
    return kg.changed(add=[(country, "founded", day) for country, day in zip(sorted(countries), days, strict=True)])


def over_world(kg: KnowledgeGraph, deep: int, questions: int) -> Groups:
    """Deep queries, those with dates, and those that questions are read as."""
    drawn = list(itertools.islice(RandomQueries(kg, random.Random(SEED)).deep(), deep - deep // 6))
    groups: dict[str, list[Query]] = {}
    for query in drawn:
        groups.setdefault(f"{query.depth} levels", []).append(query)
    groups = dict(sorted(groups.items()))
    groups["dates"] = list(itertools.islice(with_dates(kg), deep // 6))
    reader = Reasoner(kg, llm="embedded", method="exact")
    lines = [json.loads(line)["question"] for line in ASKED.read_text(encoding="utf-8").splitlines()]
    random.Random(SEED).shuffle(lines)
    groups["read"] = []
    for line in tqdm(lines, desc="reading", total=questions, leave=False):
        if len(groups["read"]) == questions:
            break
        if readings := reader.read(line):
            groups["read"].append(readings[0].query)
    return groups


def with_dates(kg: KnowledgeGraph) -> Iterator[Query]:
    """Queries that subtract, divide, compare and rank dates."""
    rng = random.Random(SEED)
    countries = sorted(Reasoner(kg, method="exact").answer('~type("country")').entities)
    forms = (
        'founded("{a}") - founded("{b}")',
        '(date("{day}") - founded("{a}")) / 365.25',
        'top({k}, [founded("{a}") - founded(it)], borders(borders("{b}")))',
        'bottom({k}, founded, borders(borders("{a}")))',
        '[population(it) / (date("2024-02-29") - founded(it))](~continent(continent("{a}"))) > {k}',
        'founded(borders("{a}")) >= "{day}"',
        'average([founded(it) - founded("{a}")], borders("{b}"))',
        'maximum(founded, borders("{a}")) - minimum(founded, borders("{a}"))',
        '[founded(it) - minimum(founded, borders(it))](~continent(continent("{a}"))) < 0',
        'sum([(founded("{a}") - founded(it)) / count(borders(it))], borders(borders("{b}")))',
    )
    for form in itertools.cycle(forms):
        a, b = rng.sample(countries, 2)
        day = datetime.date.fromordinal(rng.randrange(600_000, 738_000))
        yield Query.parse(form.format(a=a, b=b, day=day, k=rng.randint(1, 5)))


# The engines -----------------------------------------------------------------------------------------------------


class Engine:
    """One engine with a graph in it; it is started anew where it has broken down or hangs.

    Args:
        name: "pyoxigraph" or one of `SERVERS`.
        data: the graph's file.
        folder: an empty folder for its database.
    """

    def __init__(self, name: str, data: Path, folder: Path) -> None:
        self._name, self._data, self._folder, self._open, self._starts = name, data, folder, ExitStack(), 0
        self.url, self.seconds = "", 0.0
        self.ask = self._started()

    def again(self) -> None:
        """Start it anew."""
        self.close()
        self.ask = self._started()

    def close(self) -> None:
        """Stop it."""
        self._open.close()

    def _started(self) -> Ask:
        began = time.perf_counter()
        if self._name == "pyoxigraph":
            store = pyoxigraph.Store()
            store.bulk_load(path=self._data)
            ask: Ask = store.query
        else:
            self._starts += 1
            folder = self._folder / str(self._starts)
            folder.mkdir(parents=True)
            self.url = self._open.enter_context(SERVERS[self._name](self._data, folder))
            ask = over_http(self.url, LONGEST)
        self.seconds = round(time.perf_counter() - began, 1)
        return ask


def compared(name: str, kg: KnowledgeGraph, groups: Groups, engines: Sequence[str]) -> dict[str, Any]:
    """What each engine gives for each group, beside the executor."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "graph.nt"
        kg.to_rdf(data)
        expected, local = {}, {}
        for group, queries in groups.items():
            for query in queries[:1]:
                by_executor(query, kg)  # what is made at the first query is no query's time
            timed = [_timed(by_executor, query, kg) for query in queries]
            expected[group], local[group] = [found for found, _ in timed], [seconds for _, seconds in timed]
        part: dict[str, Any] = {
            "local": {group: {"median_ms": _median(seconds)} for group, seconds in local.items()},
            "queries": {group: len(queries) for group, queries in groups.items()},
            "non_empty": {group: sum(map(bool, found)) for group, found in expected.items()},
            "engines": {},
        }
        for engine_name in engines:
            engine = Engine(engine_name, data, Path(scratch) / engine_name)
            try:
                part["engines"][engine_name] = measured(f"{name}, {engine_name}", engine, kg, groups, expected)
            finally:
                engine.close()
        return part


def measured(
    name: str, engine: Engine, kg: KnowledgeGraph, groups: Groups, expected: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """How often and how fast an engine gives what is expected."""
    found: dict[str, Any] = {"load_seconds": engine.seconds, "rows": {}, "differ": []}
    bar = tqdm(total=sum(map(len, groups.values())), desc=name, leave=False)
    for group, queries in groups.items():
        seconds, agree = [], 0
        for query, right in zip(queries, expected[group], strict=True):
            try:
                given, taken = _timed(by_sparql, query, kg, engine.ask)
                said = "" if (given, type(given)) == (right, type(right)) else "differs"
            except (httpx.TransportError, RuntimeError) as error:
                taken, said = LONGEST, f"{type(error).__name__}: {error}"[:200]
                if isinstance(error, httpx.TransportError):
                    engine.again()
            seconds.append(taken)
            agree += not said
            if said:
                found["differ"].append({"group": group, "query": str(query), "said": said})
            bar.update()
        found["rows"][group] = {"agree": agree, "median_ms": _median(seconds), "most_ms": round(max(seconds) * 1e3, 1)}
    bar.close()
    if engine.url:
        found |= as_graph(engine, kg, groups)
    return found


def as_graph(engine: Engine, kg: KnowledgeGraph, groups: Groups) -> dict[str, Any]:
    """Whether the graph on the server gives the same answers as the one here, by methods exact and lark."""
    some = [(group, query) for group, queries in groups.items() for query in queries[:AS_GRAPH]]
    chains = [(group, query) for group, query in some if group in STRUCTURES or group == "read"]
    found: dict[str, Any] = {"differ_as_graph": []}
    for word, method, llm, asked in (
        ("exact", "exact", "copy", some),
        ("lark, faultless", "lark", faultless(), chains),
        ("lark, embedded", "lark", "embedded", chains[:EMBEDDED]),
    ):
        mine, other = Reasoner(kg, llm=llm, method=method), at_server(engine, llm, method)
        agree, here, away = 0, [], []
        for group, query in tqdm(asked, desc=word, leave=False):
            right, seconds = _timed(_answered, mine, query)
            here.append(seconds)
            try:
                given, seconds = _timed(_answered, other, query)
                said = "" if _same(given, right) else "differs"
            except EndpointError as error:
                seconds, said = LONGEST, str(error)[:200]
                engine.again()
                other = at_server(engine, llm, method)
            away.append(seconds)
            agree += not said
            if said:
                found["differ_as_graph"].append({"by": word, "group": group, "query": str(query), "said": said})
        found[word] = {"queries": len(asked), "agree": agree, "local_ms": _median(here), "median_ms": _median(away)}
    return found


def at_server(engine: Engine, llm: Any, method: str) -> Reasoner:
    """What answers over the graph on an engine."""
    return Reasoner(KnowledgeGraph.load(f"sparql:{engine.url}"), llm=llm, method=method)


def _answered(reasoner: Reasoner, query: Query) -> tuple[Any, ...]:
    """The ids with their values, how many there are, the number, and how it ended; numbers to ten digits."""
    answer = reasoner.answer(query)
    values = answer.values or (None,) * len(answer.ids)
    pairs = {id_: _digits(value) for id_, value in zip(answer.ids, values, strict=True)}
    return pairs, answer.count, _digits(answer.value), answer.error


def _same(given: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Whether two answers are the same; of many members a server names the first."""
    (named, *others), (members, *expected) = given, right
    is_whole = len(named) == given[1]
    return others == expected and (named == members if is_whole else named.items() <= members.items())


def _digits(value: Any) -> Any:
    return float(f"{value:.10g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def _timed(work: Any, *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(*arguments), time.perf_counter() - began


def _median(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1e3, 2) if seconds else 0.0


# The report ------------------------------------------------------------------------------------------------------


def as_markdown(report: Mapping[str, Any]) -> str:
    parts = [
        "# SPARQL engines against the exact executor",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, pyoxigraph {report['pyoxigraph']}, "
        f"{machine_words(report['machine'])}, {report['seconds']} s in all.",
        _summary(report),
        "Each graph is written with `kg.to_rdf` and loaded into each engine; each query's `to_sparql` text is run "
        "there, and the sets (with the values where the query reads them), numbers, counts and truth values are "
        "compared, numbers to ten digits. Times are medians in milliseconds: those of SPARQL include writing the text "
        "and reading the answer, those of the executor resolving the names. Types that a data set lacks were drawn by "
        "the sampler, "
        f"the deep queries over `world` with seed {report['seed']}; its countries were given drawn dates, of which the "
        "queries under `dates` speak. `read` are questions of `lists/"
        + ASKED.name
        + "` as the embedded model reads them.",
    ]
    for name, part in report["figures"].items():
        engines = part["engines"]
        rows = []
        for group, count in part["queries"].items():
            own = [row["rows"][group] for row in engines.values()]
            cells = [cell for row in own for cell in (str(row["agree"]), f"{row['median_ms']:.2f}")]
            rows.append([group, str(count), f"{part['local'][group]['median_ms']:.2f}", *cells])
        heads = [cell for engine in engines for cell in (engine, "ms")]
        table = aligned(["queries", "count", "local ms", *heads], rows)
        parts.append(f"## {name}\n\n```\n{table}\n```")
        loads = ", ".join(f"{engine} {row['load_seconds']} s" for engine, row in engines.items())
        parts.append(f"Starting and loading: {loads}.")
        for engine, row in engines.items():
            if "exact" in row:
                told = [
                    f"{word} {row[word]['agree']} of {row[word]['queries']} the same, {row[word]['median_ms']} ms "
                    f"(here {row[word]['local_ms']})"
                    for word in ("exact", "lark, faultless", "lark, embedded")
                ]
                parts.append(f"As a graph on {engine}, by method: {'; '.join(told)}.")
            for other in (*row["differ"], *row.get("differ_as_graph", ())):
                by = f" by {other['by']}" if "by" in other else ""
                parts.append(f"- {engine}, {other['group']}{by}: `{other['query']}`: {other['said']}")
    return "\n\n".join(parts) + "\n"


def _summary(report: Mapping[str, Any]) -> str:
    total = sum(sum(part["queries"].values()) for part in report["figures"].values())
    agree: dict[str, int] = {}
    for part in report["figures"].values():
        for engine, row in part["engines"].items():
            agree[engine] = agree.get(engine, 0) + sum(group["agree"] for group in row["rows"].values())
    told = ", ".join(f"{engine} {count:,}" for engine, count in agree.items())
    non_empty = sum(sum(part["non_empty"].values()) for part in report["figures"].values())
    return f"**Of {total:,} queries agree: {told}**; {non_empty:,} give something other than nothing."


if __name__ == "__main__":
    main()
