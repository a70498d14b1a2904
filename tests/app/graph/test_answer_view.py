import csv
import io
import json
import re

import pytest

from app.graph.answer_view import LENGTHS, MOST_ROWS, answer_csv, ask, saved_answer, sorted_table, table_html
from app.graph.graphs import GraphRegistry
from app.server.views import called
from reasoning import KnowledgeGraph, Reasoner
from reasoning.answer import Answer
from tests.app.test_views import SCRIPT, assert_harmless

TOWNS = {"Äetown": 30, "btown": 10, "Ctown": 20}


@pytest.fixture
def shelf() -> GraphRegistry:
    facts = [(town, "in", "Land") for town in TOWNS] + [(town, "people", many) for town, many in TOWNS.items()]
    shelf = GraphRegistry(["world"])
    shelf.own.add("me", KnowledgeGraph.from_triples(facts, types=[("btown", "port"), ("Ctown", "inn")]))
    return shelf


def key(shelf: GraphRegistry) -> str:
    return next(iter(shelf.own._held))


def wanted(shelf: GraphRegistry, **more: object) -> dict[str, object]:
    return {"graph": key(shelf), "query": 'people(~in("Land"))'} | more


def answer(kg: KnowledgeGraph, query: str) -> Answer:
    return ask(kg, "g", query, "embedded").answer


def shown(table: str) -> list[str]:
    return re.findall(r"<tr><td><bdi>(.*?)</bdi>", table)


def test_each_column_sorts_both_ways_over_all_answers(shelf: GraphRegistry) -> None:
    for by, order in (("name", "Äetown btown Ctown"), ("value", "btown Ctown Äetown"), ("type", "Äetown Ctown btown")):
        for descending, sort in ((False, "ascending"), (True, "descending")):
            table = sorted_table(shelf, wanted(shelf, by=by, descending=descending))["table"]
            assert shown(table) == order.split()[:: -1 if descending else 1]
            assert table.count(f'aria-sort="{sort}"') == 1
    count = LENGTHS[1] + 7
    found = answer(KnowledgeGraph.from_triples([("hub", "to", f"n{n:04}") for n in range(count)]), 'to("hub")')
    assert len(shown(table_html(found))) == MOST_ROWS
    assert shown(table_html(found, "name", True))[0] == f"n{count - 1:04}"
    more = table_html(found, shown=LENGTHS[1])
    assert len(shown(more)) == LENGTHS[1] and "Show 7 more" in more
    assert len(shown(table_html(found, shown=10**9))) == count


def test_the_csv_holds_all_and_no_formula() -> None:
    kg = KnowledgeGraph.from_triples([("hub", "to", "=1+1"), ("hub", "to", "@x"), ("hub", "to", 'a, "b"')])
    rows = list(csv.reader(io.StringIO(answer_csv(answer(kg, 'to("hub")')))))
    assert rows[0] == ["entity", "id", "types", "score"]
    assert {row[0] for row in rows[1:]} == {"'=1+1", "'@x", 'a, "b"'}
    assert answer_csv(answer(kg, 'count(to("@x"))')) == "value\n0\n"


def test_the_json_is_the_answer_and_whatever_is_sent_is_answered_with_a_sentence(shelf: GraphRegistry) -> None:
    saved, exact = saved_answer(shelf, wanted(shelf, form="json")), Reasoner(shelf.get(key(shelf)), method="exact")
    assert json.loads(saved["text"])["answers"] == exact.answer('people(~in("Land"))').to_dict()["answers"]
    for given in (None, {"graph": "../etc/passwd"}, {"graph": "world", "query": "borders("}):
        for function in (sorted_table, saved_answer):
            told = called(function, shelf, given)["error"]
            assert told and "Traceback" not in told


def test_names_of_strangers_stay_text() -> None:
    kg = KnowledgeGraph.from_triples([("hub", "to", SCRIPT)], types=[(SCRIPT, SCRIPT)])
    assert SCRIPT in assert_harmless(table_html(answer(kg, 'to("hub")'))).text
