"""A changed graph is the graph that would have been built of the same facts."""

import datetime
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.values import Value
from reasoning import KnowledgeGraph, Query, Reasoner, Source, Sourced
from reasoning.errors import AmbiguousEntityError, ChangeError, GraphError, UnknownEntityError, UnknownRelationError
from reasoning.graph.updates import changes, edges
from reasoning.graph.updates.changes import Changes, merged
from reasoning.parsing.linking import link_names
from reasoning.parsing.schema import schema_of
from reasoning.verbalization.answers import answer_text


def exact(kg: KnowledgeGraph) -> Reasoner:
    return Reasoner(kg, method="exact")


PEOPLE = ["Ann", "Bob", "Cleo", "Dai", "Ann (Wales)"]
EDGES = ["knows", "likes", "knows_reverse"]
VALUES = ["age", "height"]
START: list[tuple[str, str, str | int]] = [("Ann", "knows", "Bob"), ("Bob", "likes", "Cleo"), ("Ann", "age", 30)]


@dataclass
class Model:
    """What a graph should say, kept as plain sets."""

    edges: set[tuple[str, str, str]] = field(default_factory=set)
    values: dict[tuple[str, str], int] = field(default_factory=dict)
    types: set[tuple[str, str]] = field(default_factory=set)
    aliases: set[tuple[str, str]] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        return {name for h, _, t in self.edges for name in (h, t)} | {h for h, _ in self.values}

    def drop_gone(self) -> None:
        names = self.names
        self.types = {pair for pair in self.types if pair[0] in names}
        self.aliases = {pair for pair in self.aliases if pair[0] in names}

    def built(self) -> KnowledgeGraph:
        triples: list[Any] = [*sorted(self.edges), *((h, r, v) for (h, r), v in self.values.items())]
        return KnowledgeGraph.from_triples(triples, types=sorted(self.types), aliases=sorted(self.aliases))


def said(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph says, in names."""
    names = sorted(kg.name(entity) for entity in kg.universe.tolist())
    network, aliases = kg.to_networkx(), kg.names.aliases().items()
    return {
        "facts": sorted(map(str, kg)),
        "names": names,
        "sizes": (len(kg), kg.value_count, len(kg.universe)),
        "types": {name: sorted(kg.types(kg.entity(name))) for name in names},
        "aliases": {kg.name(entity): sorted(keys) for entity, keys in aliases if keys and entity in kg.universe},
        "nodes": sorted((name, sorted(types)) for name, types in network.nodes(data="types")),
        "edges": sorted(map(str, network.edges(keys=True))),
        "frame": sorted(map(str, kg.to_pandas().to_numpy().tolist())),
        "found": {text: found(kg, text) for text in (*PEOPLE, "ann", "Bobby", "Clio", "Ann Wales")},
        "pairs": sorted((kg.name(e), kg.type_names[t]) for e, t in kg.type_pairs.tolist()),
    }


def found(kg: KnowledgeGraph, text: str) -> str:
    try:
        return kg.name(kg.entity(text))
    except (UnknownEntityError, AmbiguousEntityError) as error:
        return type(error).__name__


@pytest.fixture
def kg() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(START)


people = st.sampled_from(PEOPLE)
toggles = st.one_of(
    st.tuples(st.just("edge"), people, st.sampled_from(EDGES), people),
    st.tuples(st.just("value"), people, st.sampled_from(VALUES), st.integers(1, 3)),
    st.tuples(st.just("type"), people, st.sampled_from(["person", "cat"])),
    st.tuples(st.just("alias"), people, st.sampled_from(["Bobby", "The boss"])),
)


def toggled(kg: KnowledgeGraph, model: Model, wanted: list[tuple[Any, ...]]) -> KnowledgeGraph:
    """Each thing is taken away where it is there, and added where it is not; all in one change."""
    lists: dict[str, list[Any]] = {
        name: [] for name in ("add", "remove", "types", "aliases", "remove_types", "remove_aliases")
    }
    seen: set[Any] = set()
    after = Model(set(model.edges), dict(model.values), set(model.types), set(model.aliases))
    for what, name, *rest in wanted:
        key: Any = (what, name, *rest[: 1 if what == "value" else 2])
        if what == "edge":
            key = (rest[1], "knows", name) if rest[0] == "knows_reverse" else (name, *rest)
        if key in seen or (what in ("type", "alias") and name not in model.names):
            continue
        seen.add(key)
        if what == "edge":
            lists["remove" if key in model.edges else "add"].append((name, *rest))
            after.edges ^= {key}
        elif what == "value":
            relation, number = rest
            if (name, relation) in model.values:
                lists["remove"].append((name, relation, after.values.pop((name, relation))))
            else:
                lists["add"].append((name, relation, number))
                after.values[name, relation] = number
        else:
            pairs = after.types if what == "type" else after.aliases
            there = (name, rest[0]) in pairs
            lists[("remove_" if there else "") + ("types" if what == "type" else "aliases")].append((name, rest[0]))
            pairs ^= {(name, rest[0])}
    if not after.edges and not after.values:
        return kg
    # Who loses the last fact in this change cannot be given a type or a name in it.
    gone = model.names - after.names
    for name in ("types", "aliases"):
        lists[name] = [pair for pair in lists[name] if pair[0] not in gone]
    kg = kg.changed(**lists)
    model.edges, model.values, model.types, model.aliases = after.edges, after.values, after.types, after.aliases
    model.drop_gone()
    return kg


@pytest.mark.parametrize("settled", [False, True], ids=["pending", "settled"])
@given(steps=st.lists(st.lists(toggles, min_size=1, max_size=6), min_size=1, max_size=5))
def test_it_says_what_a_graph_built_anew_says(settled: bool, steps: list[list[tuple[Any, ...]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if settled:
            patch.setattr(edges, "PENDING", 0)
            patch.setattr(edges, "ALWAYS_MADE", -1)
            patch.setattr(edges, "LAID_OVER", 10.0)
        model = Model({("Ann", "knows", "Bob"), ("Bob", "likes", "Cleo")}, {("Ann", "age"): 30})
        kg = model.built()
        for wanted in steps:
            before, content = kg, said(kg)
            kg = toggled(kg, model, wanted)
            assert said(kg) == said(model.built())
            assert said(before) == content
        for again in (pickle.loads(pickle.dumps(kg)), *map(KnowledgeGraph, (kg.content.whole, merged(kg.content)))):
            assert said(again) == said(kg)


def test_a_chain_of_changes_leaves_each_graph_as_it_was(kg: KnowledgeGraph) -> None:
    chain = [kg]
    for number in range(1100):  # more than are held as pending
        chain.append(chain[-1].changed(add=[("Ann", "knows", f"friend {number}")]))
    for number in (0, 1, 1023, 1024, 1025, 1100):
        assert len(chain[number]) == 2 + number
        assert len(exact(chain[number]).answer('knows("Ann")').entities) == 1 + number
    assert exact(chain[-1]).answer('~knows("friend 1099")').entities == ["Ann"]
    with pytest.raises(UnknownEntityError):
        chain[3].entity_by_id("friend 3")
    further = chain[2].changed(add=[("friend 1", "likes", "Ann"), ("Ann", "knows", "Right")])
    assert sorted(exact(further).answer('knows("Ann")').entities) == ["Bob", "Right", "friend 0", "friend 1"]
    assert kg.changed(add=[*START, ("Bob", "knows_reverse", "Ann")]) is kg and kg.changed() is kg


def test_readers_of_the_old_graph_go_on_while_it_is_changed(kg: KnowledgeGraph) -> None:
    def write(name: str) -> bool:
        changed = kg
        for number in range(40):
            changed = changed.changed(add=[("Ann", "knows", f"{name} {number}")])
            assert exact(kg).answer('knows("Ann")').entities == ["Bob"] and len(kg) == 2
        return len(changed) == 42 and len(exact(changed).answer('knows("Ann")').entities) == 41

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(write, ("Eve", "Flo", "Gus")))


def test_values_are_replaced_and_of_any_kind(kg: KnowledgeGraph) -> None:
    older = kg.changed(remove=[("Ann", "age", 30)], add=[("Ann", "age", 31)])
    assert [exact(graph).answer('age("Ann")').value for graph in (older, kg)] == [31, 30]
    mixed = kg.changed(add=[("Bob", "age", 29.5)])  # integers and decimals together are decimals
    assert mixed.literals[0].kind == "decimal"
    assert exact(mixed).answer('sum(age, knows("Ann"))').value == 29.5
    assert exact(mixed).answer('age("Ann")').value == 30.0
    for value, shown in ((DAY, DAY), (Value("year", 1999.0), 1999), (2.5, 2.5)):
        new = kg.changed(add=[("Bob", "new", value)])
        assert exact(new).answer('new("Bob")').value == shown
        assert new.relation("new").kind == "values" and new.column("new") is not None


def test_labels_find_and_show_an_entity(kg: KnowledgeGraph) -> None:
    kg = kg.changed(labels=[("Bob", "Robert")])
    assert kg.name(kg.entity("robert")) == "Robert" and kg.entity("Bob") == kg.entity("Robert")
    twice = kg.changed(labels=[("Cleo", "Robert")])
    both = exact(twice).answer('knows("Ann") | likes(entity("Bob"))').entities
    assert sorted(both) == ["Robert (Bob)", "Robert (Cleo)"]
    with pytest.raises(AmbiguousEntityError):
        twice.changed(add=[("Robert", "likes", "Ann")])
    named = twice.changed(add=[("Robert (Bob)", "likes", "Ann")])
    assert exact(named).answer('likes(entity("Bob"))').entities == ["Ann", "Robert (Cleo)"]
    assert kg.changed(labels=[("Robert", "Bob")]).name(kg.entity("Bob")) == "Bob"


def test_kinds_and_schema_know_what_was_added() -> None:
    kg = KnowledgeGraph.from_triples([("Paris", "type", "city"), ("Rome", "type", "city"), ("Paris", "in", "France")])
    more = kg.changed(add=[("France", "type", "country"), ("Italy", "type", "country"), ("Rome", "in", "Italy")])
    assert "Kinds: city (2), country (2)" in more.schema() and "in: city -> country (2)" in more.schema()
    assert kg.schema() == KnowledgeGraph.from_triples(list(kg)).schema()


def test_edges_of_one_query_can_be_laid_over_it(kg: KnowledgeGraph) -> None:
    kg = kg.changed(add=[("Ann", "knows", "Dai")])
    other = kg.with_edges(kg.index.whole.triples()[:1])
    assert len(other) == 1 and len(kg) == 3
    assert len(other.changed(add=[("Dai", "knows", "Ann")])) == 2
    queries = [Query.parse(text) for text in ('knows("Ann")', 'likes(knows("Ann"))', '~likes("Cleo") & knows("Ann")')]
    batch = [sorted(answer.entities) for answer in exact(kg).batch(queries)]  # compiled over the changed graph
    assert batch == [["Bob", "Dai"], ["Cleo"], ["Bob"]]


def test_a_changed_graph_is_pickled_by_what_was_loaded_and_changed() -> None:
    changed = KnowledgeGraph.load("world").changed(
        add=[
            ("Lyonesse", "borders", "France"), ("Lyonesse", "population", 3),
            Sourced("Lyonesse", "capital", "Poseidonis", Source("Plato", 7)),
        ],
        remove=[("France", "capital", "Paris")], types=[("Lyonesse", "myth")],
    )  # fmt: skip
    content = pickle.dumps(changed)
    again = pickle.loads(content)
    assert len(content) < 10_000
    assert exact(again).answer('capital("Lyonesse")').entities == ["Poseidonis"]
    assert exact(again).answer('capital("France")').entities == []
    assert exact(again).answer('population("Lyonesse")').value == 3
    assert again.types(again.entity("Lyonesse")) == ["myth"]
    assert again.sources("Lyonesse", "capital", "Poseidonis") == (Source("Plato", 7),)
    assert len(again.changed(remove=[("Lyonesse", "capital", "Poseidonis")])) == len(changed) - 1


def test_names_in_questions_are_linked_to_what_was_added() -> None:
    kg = KnowledgeGraph.from_triples([("Ann Smith", "works in", "Core"), ("Bob Jones", "works in", "Web")])
    schema = schema_of(kg.changed(add=[("Cleo Mwangi", "works in", "Core")], remove=[("Bob Jones", "works in", "Web")]))
    assert [name.text for name in link_names("Where does Cleo Mwangi work?", schema)] == ["Cleo Mwangi"]
    assert not link_names("Where does Bob Jones work?", schema)


def test_much_that_was_changed_is_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LEAST_MERGED", 10)
    monkeypatch.setattr("reasoning.graph.updates.on_disk.LEAST_MERGED", 10)
    kg = KnowledgeGraph.from_triples([*START, *(("Ann", "knows", f"n{i}") for i in range(40))])
    changed, steps = kg, []
    for number in range(40):
        changed = changed.changed(add=[("Bob", "knows", f"m{number}")], remove=[("Ann", "knows", f"n{number}")])
        steps.append(changed.content.changes is None)
    assert any(steps) and not all(steps)
    assert len(changed) == len(kg) and exact(changed).answer('count(knows("Bob"))').value == 40
    assert changed.entity_count < kg.entity_count + 40  # those that are gone no longer take room
    with pytest.raises(UnknownEntityError):
        changed.entity_by_id("n0")


def test_an_entity_that_nothing_is_said_of_is_gone_and_comes_back_as_a_new_one() -> None:
    kg = KnowledgeGraph.from_triples(START, types=[("Cleo", "cat")], aliases=[("Cleo", "The queen")])
    without = kg.changed(remove=[("Bob", "likes", "Cleo")])
    for name in ("Cleo", "The queen"):
        with pytest.raises(UnknownEntityError):
            without.entity(name)
    again = without.changed(add=[("Ann", "likes", "Cleo")])
    moved = kg.changed(remove=[("Bob", "likes", "Cleo")], add=[("Ann", "likes", "Cleo")])
    assert [graph.types(graph.entity("Cleo")) for graph in (again, kg, moved)] == [[], ["cat"], ["cat"]]
    # A graph of other edges does not find who was gone before either.
    other = without.with_edges(without.index.whole.triples()).changed(add=[("Ann", "likes", "Bob")])
    for graph in (without, other):
        assert not graph.names.spelling("leo", 5) and graph.names.spelling("ob", 5)


def test_what_comes_and_goes_again_and_again_takes_no_more_each_time(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts: list[tuple[str, str, str | int]] = [("Dai", "knows", "Ann"), ("Dai", "age", 8)]
    for _ in range(20):
        kg = kg.changed(add=facts, types=[("Dai", "cat")], aliases=[("Dai", "D")]).changed(remove=facts)
    overlay = kg.content.changes
    assert isinstance(overlay, Changes)
    entities = overlay.entities
    assert len(entities.gone) == 20 and not len(entities.types) and not len(entities.by_id)
    assert [len(owners) for owners in entities.added_keys.values()] == [1]  # of the other name, which the last one had
    monkeypatch.setattr("reasoning.graph.updates.on_disk.LEAST_MERGED", 10)
    assert kg.changed(add=[("Dai", "knows", "Ann")]).content.changes is None


def test_a_relation_and_its_twin_are_one_whichever_comes_first(kg: KnowledgeGraph) -> None:
    both = [("Ann", "helps_reverse", "Bob"), ("Cleo", "helps", "Dai")]
    for add in (both, both[::-1]):
        changed = kg.changed(add=add)
        assert changed.relation_names() == ["knows", "likes", "helps", "age"]
        assert exact(changed).answer('helps("Bob")').entities == ["Ann"]
    assert kg.changed(add=both[:1]).relation_names() == ["knows", "likes", "helps_reverse", "age"]
    twin = kg.changed(add=[("Cleo", "likes_reverse", "Ann")])
    assert set(exact(twin).answer('likes("Ann") | likes_reverse("Cleo")').entities) == {"Ann", "Bob", "Cleo"}
    assert twin.relation_count == 2


REPORT, LETTER, DAY = Source("report.txt", 12), Source("letter.txt"), datetime.date(2020, 2, 29)


def test_sources_reach_the_evidence_of_an_answer(kg: KnowledgeGraph) -> None:
    sourced = kg.changed(add=[Sourced("Ann", "knows", "Dai", REPORT), Sourced("Dai", "age", 8, LETTER)])
    answer = exact(sourced).answer('age(knows("Ann")) > 5')
    assert {(fact.tail, fact.sources) for fact in answer.evidence} == {("Dai", (REPORT,)), (8, (LETTER,))}
    told = answer.to_dict()["sources"]
    assert [{"document": "report.txt", "line": 12}] in told and [{"document": "letter.txt"}] in told
    assert "[report.txt, line 12]" in answer_text(answer)
    assert "sources" not in exact(kg).answer('knows("Ann")').to_dict()


def test_removing_a_source_removes_what_only_it_said(kg: KnowledgeGraph) -> None:
    kg = kg.changed(
        add=[
            Sourced("Ann", "knows", "Dai", REPORT), Sourced("Ann", "knows", "Dai", LETTER),
            Sourced("Ann", "likes", "Dai", REPORT), Sourced("Ann", "likes", "Dai", Source("report.txt", 13)),
            Sourced("Ann", "knows", "Bob", REPORT), Sourced("Dai", "age", 8, REPORT),
        ]
    )  # fmt: skip
    assert kg.documents() == {"letter.txt": 1, "report.txt": 4}
    without = kg.changed(remove_sources=["report.txt"])
    assert set(without) == {*START, ("Ann", "knows", "Dai")}
    assert without.sources("Ann", "knows", "Dai") == (LETTER,)
    assert without.sources("Ann", "knows", "Bob") == ()
    assert set(without.changed(remove_sources=["letter.txt"])) == set(START)
    assert kg.sources("Dai", "age", 8) == (REPORT,)
    assert kg.sources("Dai", "age", 99) == kg.sources("Bob", "age", 8) == ()
    with pytest.raises(ChangeError, match=r'it has facts of "report.txt"'):
        kg.changed(remove_sources=["reports.txt"])


def test_a_source_that_is_said_twice_is_kept_once_and_what_is_removed_has_none(kg: KnowledgeGraph) -> None:
    fact = ("Ann", "likes", "Bob")
    once = kg.changed(add=[Sourced(*fact, REPORT)])
    assert once.changed(add=[Sourced(*fact, REPORT)]) is once
    assert fact in once.changed(add=[fact]).changed(remove_sources=["report.txt"])
    assert once.changed(remove=[fact]).changed(add=[fact]).sources(*fact) == ()


def test_sources_given_from_the_start_are_kept_through_a_merge() -> None:
    kg = KnowledgeGraph.from_triples([*START, Sourced("Dai", "knows", "Ann", REPORT), Sourced("Dai", "age", 8, LETTER)])
    assert kg.sources("Dai", "age", 8) == (LETTER,)
    changed = kg.changed(remove=[("Bob", "likes", "Cleo")], add=[Sourced("Ann", "knows", "Dai", LETTER)])
    for graph in (changed, KnowledgeGraph(merged(changed.content)), pickle.loads(pickle.dumps(changed))):
        assert graph.sources("Dai", "knows", "Ann") == (REPORT,)
        assert graph.sources("Ann", "knows", "Dai") == (LETTER,)
        assert len(graph.changed(remove_sources=["letter.txt"])) == len(changed) - 1


@pytest.mark.parametrize("plain", [["Ann", "knows", "Dai"], ("Dai", "knows_reverse", "Ann")])
@pytest.mark.parametrize("form", [list, lambda triples: iter(triples[::-1])])
def test_what_the_graph_itself_says_from_the_start_stays(plain: Any, form: Callable[[list[Any]], Any]) -> None:
    facts: tuple[tuple[str, str, str | int], ...] = ("Ann", "knows", "Dai"), ("Dai", "age", 8), ("Ann", "likes", "Dai")
    sourced = [Sourced(*fact, REPORT) for fact in facts]
    kg = KnowledgeGraph.from_triples(form([*START, plain, *sourced, ("Dai", "age", 8)]))
    assert kg.sources("Ann", "knows", "Dai") == (REPORT,)
    without = kg.changed(remove_sources=["report.txt"])
    assert set(without) == {*START, ("Ann", "knows", "Dai"), ("Dai", "age", 8)}
    assert not without.documents()


@pytest.mark.parametrize("source", ["doc", Source(""), Source("a", 0), Source("a", 1 << 40)])
def test_a_source_from_the_start_is_checked(source: Any) -> None:
    with pytest.raises(GraphError, match=r"triple 2: expected a (Source with a document|line from 1)"):
        KnowledgeGraph.from_triples([("a", "r", "b"), Sourced("a", "r", "c", source)])


FRANCE, SPAIN = ("France", "capital", "Paris"), ("Spain", "capital", "Madrid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"remove": [("France", "capital", "Rome")]}, 'what it says of "France": capital "Paris"'),
        ({"remove": [("Spain", "borders", "France")]}, 'it says ("France", "borders", "Spain")'),
        ({"remove": [("Paris", "borders", "Rome")]}, 'it says no borders of "Paris"'),
        ({"remove": [("Frnace", "capital", "Paris")]}, 'did you mean "France"'),
        ({"remove": [("France", "capitol", "Paris")]}, '"capital"'),
        ({"remove": [("France", "population", 66)]}, '"France" has 67'),
        ({"remove": [("Spain", "population", 66)]}, '"Spain" has none'),
        ({"remove": [("France", "capital", 5)]}, 'the tail is a name; there it leads to "Paris"'),
        ({"remove": [Sourced(*FRANCE, Source("a.txt"))]}, "whoever says it"),
        ({"remove": [("Italy", "capital", "Rome")], "types": [("Rome", "city")]}, 'of "Rome" the last fact is removed'),
        ({"add": [("Spain", "capital", 5)]}, '"capital" leads to entities, such as "Paris", and 5 is a value'),
        ({"add": [("Spain", "population", "Madrid")]}, 'each an integer, and "Madrid" is a name'),
        ({"add": [("Spain", "founded", 1479)]}, "each a date"), ({"add": [("France", "population", 68)]}, "tion 67"),
        ({"add": [("Spain", "new", 5), ("Spain", "new", "Rome")]}, '"new" has values'),
        ({"add": [("Spain", "capital")]}, "add, triple 1: expected (head, relation, tail), found"),
        ({"add": [("Spain", "capital", "")]}, "as tail"), ({"add": [(5, "capital", "Rome")]}, "have to be texts"),
        ({"add": "France"}, "found str"), ({"add": [("Spain", "population", float("nan"))]}, "a finite number"),
        ({"add": [Sourced(*SPAIN, Source(""))]}, "a document"), ({"add": [Sourced(*SPAIN, Source("a", 0))]}, "line"),
        ({"types": [("Atlantis", "country")]}, 'types: the entity "Atlantis" is in no triple'),
        ({"aliases": [("Frence", "Gaul")]}, "nearest names: France"), ({"labels": [("Spain",)]}, "labels, pair 1: exp"),
        ({"remove_types": [("Spain", "country")]}, 'the type "country"; it has none'),
        ({"remove_aliases": [("Spain", "Iberia")]}, 'not known as "Iberia"'),
        ({"remove_aliases": [("Spain", "spain")]}, 'own name of "Spain"'),
        ({"remove_sources": ["a.txt"]}, '"a.txt"; none of its facts has a source'),
        ({"remove_sources": "a.txt"}, "a list of documents"), ({"remove_sources": None}, "documents, found None"),
        ({"types": 5}, "pairs, found 5"), ({"add": [("Spain", "size", Value("decimal", math.inf))]}, "a finite number"),
        ({"add": [("Spain", "size", Value("integer", 2.5))]}, "a whole number"),
        ({"add": [("Spain", "since", Value("date", 1e9))]}, "the ordinal of a date"),
        ({"add": [("Spain", "since", Value("year", "x"))]}, "a Value with a number"),  # type: ignore[arg-type]
        ({"add": [("Spain", "size", Value("bogus", 3.0))]}, "of the kind integer"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_refused_whole(change: dict[str, Any], message: str) -> None:
    kg = KnowledgeGraph.from_triples([
        FRANCE, ("France", "borders", "Spain"), ("France", "borders", "Italy"), ("Italy", "capital", "Rome"),
        ("France", "population", 67), ("France", "founded", datetime.date(843, 8, 10)),
    ])  # fmt: skip
    before = said(kg)
    with pytest.raises((ChangeError, UnknownEntityError, UnknownRelationError)) as refused:
        kg.changed(**{"add": [("Spain", "borders", "Portugal")], **change})
    assert message in str(refused.value)
    assert said(kg) == before
    with pytest.raises(ChangeError, match="nothing would be left"):
        kg.changed(remove=list(kg))


def test_a_new_name_by_which_another_thing_is_found_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    kg = KnowledgeGraph.from_triples(START, aliases=[("Ann", "The boss")])
    kg.changed(add=[("Ann", "knows", "Dai")])
    assert not caplog.text
    changed = kg.changed(add=[("The boss", "Knows", "Bob")])
    assert '"The boss" is a new entity beside "Ann"' in caplog.text
    assert '"Knows" is a new relation beside "knows"' in caplog.text
    assert changed.entity("the boss") == changed.entity("The boss") != changed.entity("Ann")


def test_the_names_of_many_things_are_found_however_they_were_added() -> None:
    kg = KnowledgeGraph.from_triples([(f"thing {i}", "next", f"thing {i + 1}") for i in range(300)])
    changed = kg.changed(add=[(f"gadget {i}", "next", f"thing {i}") for i in range(300)])
    asked: Callable[[str], list[str]] = changed.names.nearest
    assert asked("gadgt 299")[0] == "gadget 299" and asked("thimg 299")[0] == "thing 299"
    assert {changed.entity_labels[e] for e in changed.names.beginning("gadget 29", 20)} == {
        "gadget 29", *(f"gadget {i}" for i in range(290, 300)),
    }  # fmt: skip
    assert len(changed.names.beginning("thing", 50)) == 50
    assert changed.entity_labels[changed.names.spelling("get 15", 5)[0]] == "gadget 15"
    assert isinstance(changed.content.changes, Changes)
    assert np.array_equal(np.sort(changed.universe), changed.universe)
