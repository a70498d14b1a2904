"""Every engine gives what the exact executor gives here: pyoxigraph, the `oxigraph` server and Virtuoso.

The queries are those that engines differ in. `benchmarks/sparql_engines.py` has thousands more, over whole graphs.
"""

import datetime
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.query.records import STRUCTURES
from reasoning.query.tree import Entity, Project
from tests.missing import missing
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.chat_models import faultless
from tests.reasoning.deep_queries import RandomQueries
from tests.reasoning.endpoint_server import serving, store_of
from tests.reasoning.part_of_world import a_continent
from tests.reasoning.sparql_oracle import Ask, by_executor, by_sparql, over_http
from tests.sparql_servers import SERVERS, absent

Triple = tuple[str, str, str | int | float | datetime.date]

PEOPLE: list[Triple] = [
    *((name, "works_for", firm) for firm, team in {"Red": "abc", "Blue": "cde", "Green": "f"}.items() for name in team),
    *((name, "knows", other) for name, other in itertools.pairwise("abcdefga")),
    ("a", "knows", "c"),
    ("c", "knows", "a"),
    ("f", "knows", "f"),
    *((name, "born", datetime.date(*day)) for name, day in {
        "a": (1900, 2, 28), "b": (1900, 3, 1), "c": (2000, 2, 29),
        "d": (2000, 2, 29), "e": (1969, 12, 31), "f": (1, 1, 1),
    }.items()),
    *((name, "pay", pay) for name, pay in {"a": 7, "b": 2, "c": 2, "d": -3, "e": 0}.items()),
    *((name, "share", share) for name, share in {"a": 0.1, "b": 0.2, "c": 0.7, "e": -0.5}.items()),
    *((firm, "capital", size) for firm, size in {"Red": 2**53, "Blue": 3, "Green": 1}.items()),
]  # fmt: skip
QUERIES = [
    # sets
    '"a" & knows("g")', 'knows("a" | "b" | "c") & !"c"', '"a" & !~knows("c") & !~knows("d")', '!("a" | knows("b"))',
    '!knows(!"a")', '!(pay("a" | "b") > 5)', '!("b" | (pay("a") > 5))', '"a" & "b"', 'exists("a" & "b")',
    'count("a" & !"a")', 'every(knows, "a" | "c")', 'every(~works_for, ~works_for("Red"))',
    'every(knows, knows("a") & knows("b"))', 'name_starts("R", works_for(!"f"))',
    # values and places
    'pay(~works_for("Red"))', 'capital("Red") = 9007199254740992', 'pay(!"a") != 2', 'share(!"a") <= 0.2',
    'born(!"a") >= "1900-03-01"', 'born(!"a") = "2000-02-29"', 'top(2, pay, !"a")', 'bottom(1, born, !"f")',
    'top(3, share, ~works_for("Blue"))', 'bottom(1, pay, top(2, pay, !"g"))',
    'knows(top(1, born, ~works_for("Blue")))',
    # numbers
    'pay("a") / pay("e")', '1 / 3 * 3', "-pay(\"d\") / 2", 'sum(pay, ~works_for("Red")) / count(~works_for("Red"))',
    'average(share, "f" | "g")', 'minimum(share, "f")', 'minimum(born, "g")', 'born("b") - born("a")',
    'born("c") - born("e")', 'date("2001-03-01") - born("f")', 'count(knows("a")) / count(knows("g") & "b")',
    # measures
    '[count(knows(it))](!"a") > 1', '[count(~works_for(it))](works_for(!"a")) = 0',
    '[pay(it) / count(knows(it))](!"a") >= 2', '[pay(it) / share(it)](!"a") > 5', '[born(it) - born("a")](!"a") > 1',
    '[born("c") - born(it)]("d") = 0', '[average(pay, ~works_for(it))]("Red" | "Blue" | "Green") < 3',
    'bottom(2, [sum(share, ~works_for(it)) / 3], "Red" | "Blue")', 'top(2, [count(knows(it) & knows("a"))], !"a")',
    'sum([pay(it) * 2], ~works_for("Red"))', 'average([pay(it) / pay(it)], !"a")', 'pay(!"a") > average(pay, !"a")',
    'pay(!"a") > pay("f")', '[count(every(knows, knows(it)))](!"a") > 1',
]  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """One that holds a graph: what runs a text there, and the graph there."""

    ask: Ask
    kg: KnowledgeGraph


@contextmanager
def running(name: str, kg: KnowledgeGraph, folder: Path) -> Iterator[Engine]:
    """An engine with a graph in it while the block lasts."""
    if name == "pyoxigraph":
        store = store_of(kg, folder)
        with serving(store) as server:
            yield Engine(store.query, KnowledgeGraph.load(f"sparql:{server.url}"))
        return
    if why := absent(name):
        missing(why)
    kg.to_rdf(folder / "graph.nt")
    with SERVERS[name](folder / "graph.nt", folder) as url:
        yield Engine(over_http(url), KnowledgeGraph.load(f"sparql:{url}"))


def given(kg: KnowledgeGraph, query: Query, method: str = "exact") -> tuple[Any, ...]:
    """The entities, with their values where the query reads some, and the value; numbers to nine digits."""
    answer = Reasoner(kg, llm=faultless(), method=method).answer(query)
    values = answer.values or (None,) * len(answer.ids)
    return {id_: digits(value) for id_, value in zip(answer.ids, values, strict=True)}, digits(answer.value)


def digits(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.fixture(scope="module")
def here() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples([*PEOPLE, *((name, name, "a") for name in AWKWARD)])


@pytest.fixture(
    scope="module", params=["pyoxigraph", *(pytest.param(name, marks=pytest.mark.server) for name in SERVERS)]
)
def engine(
    request: pytest.FixtureRequest, here: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    with running(request.param, here, tmp_path_factory.mktemp(request.param)) as found:
        yield found


CHAINS = ['knows(knows("a"))', 'knows("a") & !knows("b")', 'works_for(knows("a") | "f")', '~knows(~works_for("Red"))']


def test_texts_names_the_graph_there_and_chains_give_what_the_executor_gives(
    here: KnowledgeGraph, engine: Engine
) -> None:
    for query in map(Query.parse, QUERIES):
        assert by_sparql(query, here, engine.ask) == by_executor(query, here), str(query)
        assert given(engine.kg, query) == given(here, query), str(query)
    for query in map(Query.parse, CHAINS):
        assert given(engine.kg, query, "lark") == given(here, query, "lark") == given(here, query), str(query)
    for name in AWKWARD:
        named = Project(name, Entity(name, by_id=True))
        assert by_sparql(named, here, engine.ask) == by_executor(named, here) == frozenset({"a"}), name


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.server) for name in SERVERS])
def continent_there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(request.param, a_continent(), tmp_path_factory.mktemp(request.param)) as found:
        yield found


def test_queries_of_every_structure_and_deep_ones_over_a_continent(continent_there: Engine) -> None:
    """None that is drawn here is of the few that Virtuoso plans so badly that it runs out of memory."""
    kg = a_continent()
    structured = [next(RandomQueries(kg, random.Random(3)).structured(structure)) for structure in STRUCTURES]
    for query in (*structured, *itertools.islice(RandomQueries(kg, random.Random(4)).deep(), 10)):
        assert by_sparql(query, kg, continent_there.ask) == by_executor(query, kg), str(query)
        assert given(continent_there.kg, query) == given(kg, query), str(query)
