"""Values in files of separated fields and in JSON lines."""

from __future__ import annotations

import datetime
import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylark.errors import DataError
from tests.kg_data.graph_files import links, load, values

DAY = float(datetime.date(1999, 1, 2).toordinal())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.tsv", "head\trelation\ttail\nFrance\tborders\tSpain\nFrance\tpopulation\t68000000\tinteger\n"),
        ("g.tsv", "France\tborders\tSpain\tentity\n France \t population \t 68000000 \t integer \n"),
        ("g.csv", "type,tail,relation,head\nentity,Spain,borders,France\ninteger,68000000,population,France\n"),
        ("g.csv", "Subject,Predicate,Object,Type\nFrance,borders,Spain,\nFrance,population,68000000,integer\n"),
        ("g.txt", "France|borders|Spain| \nFrance|population|68000000|integer\n"),
        ("g.jsonl", '["France", "borders", "Spain"]\n["France", "population", 68000000]\n'),
        ("g.jsonl", '{"subject": "France", "predicate": "borders", "object": "Spain"}\n\n'
         '{"tail": {"value": "68000000", "type": "integer"}, "head": "France", "relation": "population"}\n'),
    ],
)  # fmt: skip
def test_each_form_says_which_tails_are_values(tmp_path: Path, name: str, content: str) -> None:
    graph = load(tmp_path, name, content)
    assert links(graph) == {("France", "borders", "Spain")}
    assert values(graph) == {"population": ("integer", {"France": 68_000_000.0})}


def test_numbers_stay_entities_without_it(tmp_path: Path) -> None:
    rows = [("1", "0", "2"), ("2", "year", "1944"), ("2", "born", "1999-01-02")]
    graph = load(tmp_path, "g.csv", "".join(",".join(row) + "\n" for row in rows))
    assert links(graph) == set(rows) and not graph.literals


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("-5", "integer", -5.0),
        ("0.1", "decimal", 0.1),
        ("1e3", "decimal", 1000.0),
        ("-44", "year", -44.0),
        ("1999-01-02", "date", DAY),
    ],
)
def test_each_type_is_read_as_it_is_written(tmp_path: Path, text: str, kind: str, value: float) -> None:
    line = json.dumps(["a", "v", {"value": text, "type": kind}])
    for name, content in (("g.tsv", f"a\tv\t{text}\t{kind}\n"), ("g.jsonl", line)):
        assert values(load(tmp_path, name, content)) == {"v": (kind, {"a": value})}


def test_whole_numbers_among_decimals_are_decimals_and_one_given_twice_counts_once(tmp_path: Path) -> None:
    graph = load(tmp_path, "g.jsonl", '["b", "v", 1]\n["a", "v", 2.5]\n["b", "v", 1]\n["b", "w", 1]\n["b", "w", 1]\n')
    assert values(graph) == {"v": ("decimal", {"a": 2.5, "b": 1.0}), "w": ("integer", {"b": 1.0})}


def test_one_row_is_a_graph(tmp_path: Path) -> None:
    triple = "<urn:skylark:entity:a> <urn:skylark:relation:r> <urn:skylark:entity:b> ."
    for name, content in (("g.csv", "a,r,b"), ("g.txt", "a|r|b"), ("g.nt", triple)):
        assert links(load(tmp_path, name, content)) == {("a", "r", "b")}


@given(st.lists(st.tuples(*[st.text(st.characters(), min_size=1)] * 3), min_size=1, max_size=5))
def test_json_keeps_every_name_exactly(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    lines = "".join(json.dumps(triple) + "\n" for triple in triples)
    kept = {triple for triple in triples if not triple[1].endswith("_reverse")}
    assert kept <= links(load(tmp_path_factory.mktemp("json"), "g.jsonl", lines))


@pytest.mark.parametrize(
    ("name", "content", "line", "expected"),
    [
        ("g.tsv", "a\tr\tb\na\tv\t5\tint\n", 2, "entity, integer, decimal, year or date as fourth field"),
        ("g.tsv", "a\tr\tb\na\tv\t5\tinteger\tx\n", 2, "(5 fields here)"),
        ("g.tsv", "a\tv\t\tinteger\n", 1, "none of them empty"),
        ("g.tsv", "a\tv\tmany\tinteger\n", 1, "an integer as value of \"v\", found 'many'"),
        ("g.tsv", "a\tv\t1,000\tinteger\n", 1, "an integer"),
        ("g.tsv", "a\tv\t9007199254740993\tinteger\n", 1, "cannot be kept exactly"),
        ("g.tsv", "a\tv\tnan\tdecimal\n", 1, "a finite number"),
        ("g.tsv", "a\tv\t1_000.5\tdecimal\n", 1, "a decimal number"),
        ("g.tsv", "a\tv\t2001-02-29\tdate\n", 1, "a date of the calendar"),
        ("g.tsv", "a\tv\t02.01.1999\tdate\n", 1, "a date as YYYY-MM-DD"),
        ("g.csv", "tail,head,relation,type\nb,a,r\n", 2, "the 4 columns of the header"),
        ("g.csv", 'a,r,b\nc,r,"d\n' + "e,r,f\n" * 50_000, 2, "csv error: field larger than field limit"),
        ("g.jsonl", "", None, "at least one triple"),
        ("g.jsonl", '["a", "r", "b"]\n["a", "r"]\n', 2, "a JSON object"),
        ("g.jsonl", '["a", "r", "b"\n', 1, "Expecting ',' delimiter"),
        ("g.jsonl", '"a r b"\n', 1, "a JSON object"),
        ("g.jsonl", '{"head": "a", "relation": "r", "tail": "b", "weight": 1}\n', 1, "a JSON object"),
        ("g.jsonl", '{"head": "a", "relation": "r", "object": "b", "tail": "c"}\n', 1, "a JSON object"),
        ("g.jsonl", '{"head": 1, "relation": "r", "tail": "b"}\n', 1, "a text that is not empty as head, found '1'"),
        ("g.jsonl", '["a", "", "b"]\n', 1, "a text that is not empty as relation"),
        ("g.jsonl", '["a", "r", true]\n', 1, "a text, a number"),
        ("g.jsonl", '["a", "r", ""]\n', 1, "a text, a number"),
        ("g.jsonl", '["a", "r", {"value": 5, "type": "float"}]\n', 1, "integer | decimal | year | date"),
        ("g.jsonl", '["a", "r", {"value": 5, "type": ["date"]}]\n', 1, "integer | decimal | year | date"),
        ("g.jsonl", '["a", "r", NaN]\n', 1, "NaN is no JSON"),
        ("g.jsonl", f'["a", "r", {"9" * 5000}]\n', 1, "a JSON object"),
        ("g.jsonl", f'["a", "r", {"9" * 400}]\n', 1, "cannot be kept exactly"),
        ("g.jsonl", "[" * 100_000 + "\n", 1, "a JSON object"),
        # Rows that do not fit into one graph are named both.
        ("g.tsv", "a\tr\tb\na\tv\t5\tinteger\nb\tv\t1999-01-02\tdate\n", 3,
         "values of one kind under \"v\" (line 2 has an integer), found 'the date 1999-01-02'"),
        ("g.jsonl", '["a", "v", {"value": "1999", "type": "year"}]\n["b", "v", 5]\n', 2,
         "values of one kind under \"v\" (line 1 has a year), found 'the integer 5'"),
        ("g.jsonl", '["a", "r", "b"]\n["b", "r", 5]\n', 2,
         "entities or values as tails of \"r\" and not both (line 1 has an entity), found 'a value'"),
        ("g.tsv", "b\tr\t5\tinteger\na\tr\tb\n", 2,
         "entities or values as tails of \"r\" and not both (line 1 has a value), found 'an entity'"),
    ],
    ids=count(),
)  # fmt: skip
def test_the_error_names_the_line_and_what_was_expected(
    tmp_path: Path, name: str, content: str, line: int | None, expected: str
) -> None:
    with pytest.raises(DataError) as raised:
        load(tmp_path, name, content)
    assert raised.value.line == line
    assert expected in str(raised.value) and len(str(raised.value)) < 500


@pytest.mark.parametrize("skip_broken", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.tsv", "a\tv\t5\tinteger\nb\tv\t6\tinteger\na\tv\t7\tinteger\na\tw\t1\tinteger\n"),
        ("g.jsonl", '["a","v",5]\n["b","v",6]\n["a","v",7]\n["a","w",1]\n'),
    ],
)
def test_two_values_of_one_thing_are_kept_as_names(tmp_path: Path, name: str, content: str, skip_broken: bool) -> None:
    graph = load(tmp_path, name, content, skip_broken=skip_broken)
    assert links(graph) == {("a", "v", "5"), ("b", "v", "6"), ("a", "v", "7")}
    assert values(graph) == {"w": ("integer", {"a": 1.0})}
    assert list(graph.notes) == ['"v" is read as names: "a" has two values of it, 5 and 7']
    assert graph.left_out is None
