"""Tables, recognised by their looks and read with a row for each thing; and values in rows and JSON lines."""

import datetime
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.columns import GraphColumns, ValueKind
from skylark.errors import DataError, UsageError
from tests.kg_data.graph_files import Links, links, load, values

PEOPLE = "name,team,office\nAnn,Red,Paris\nBob,Blue,\nCleo,Red,Rome\n"
PEOPLE_LINKS = {("Ann", "team", "Red"), ("Ann", "office", "Paris"), ("Bob", "team", "Blue"), ("Cleo", "team", "Red"),
                ("Cleo", "office", "Rome")}  # fmt: skip


def cells(graph: GraphColumns) -> Links:
    """The triples that cells of a table say, without those that say kinds."""
    return {triple for triple in links(graph) if triple[1] != "type"}


def kinds(graph: GraphColumns) -> dict[str, set[str]]:
    """The things of each kind, which the relation `type` and the types of entities say alike."""
    said = {(thing, kind) for thing, relation, kind in links(graph) if relation in ("type", "kind")}
    assert {(graph.entity_ids[thing], kind) for thing, kind in graph.types} == said
    return {kind: {thing for thing, other in said if other == kind} for _, kind in said}


# Reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "separator"), [("g.csv", ","), ("g.tsv", "\t"), ("g.txt", "|")])
def test_each_column_is_a_relation_and_empty_cells_say_nothing(tmp_path: Path, name: str, separator: str) -> None:
    graph = load(tmp_path, name, PEOPLE.replace(",", separator), table=True)
    assert cells(graph) == PEOPLE_LINKS
    assert graph.entity_ids == ["Ann", "g", "Bob", "Cleo", "Red", "team", "Paris", "office", "Blue", "Rome"]


def test_a_cell_holds_one_value_unless_a_separator_is_given(tmp_path: Path) -> None:
    content = 'name,office\nAnn,"Rome; Oslo;"\n'
    whole = load(tmp_path, "g.csv", content, table=True)
    assert cells(whole) == {("Ann", "office", "Rome; Oslo;")}
    assert whole.notes == [
        '"office": 1 of 1 cells hold ";" and are one name each; cell_separator=";" (--cell-separator ";") reads several'
    ]
    split = load(tmp_path, "g.csv", content, table=True, cell_separator=";")
    assert cells(split) == {("Ann", "office", "Rome"), ("Ann", "office", "Oslo")} and not split.notes


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_may_be_separated_by_semicolons_or_tabs(tmp_path: Path, separator: str) -> None:
    table = 'name,team,salary\nAnn,"Red; or Blue\t",1:5\nBob,Blue,2\n'.replace(",", separator).replace(":", ",")
    with pytest.raises(DataError, match=r"table=True \(--table\)"):
        load(tmp_path, "g.csv", table)
    said = cells(load(tmp_path, "g.csv", table, table=True))
    assert {("Ann", "team", "Red; or Blue"), ("Ann", "salary", "1,5"), ("Bob", "team", "Blue")} < said
    triples = f'A{separator}r{separator}"B{separator}, b"\n\nC{separator}r{separator}D\n'
    assert links(load(tmp_path, "g.csv", triples)) == {("A", "r", f"B{separator}, b"), ("C", "r", "D")}
    with pytest.raises(DataError, match=r"(semicolons|tabs) \(2 fields here\)"):
        load(tmp_path, "g.csv", f"A{separator}r\n")
    commas = load(tmp_path, "g.csv", "A,r,B;b;b\nC,r,D;d;d\n")
    assert links(commas) == {("A", "r", "B;b;b"), ("C", "r", "D;d;d")}, "they separate where they do so"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # As headers name them; rows with empty cells are among them.
        ("employee,team,manager,age\nAnn,Red,Bob,34\nBob,,Eve,51\nCleo,,,\n",
         {"employee": {"Ann", "Bob", "Cleo"}, "team": {"Red"}, "manager": {"Eve"}}),
        # As the file is named, where the header only says that it names.
        ("name,team\nAnn,Red\nBob,\n", {"staff": {"Ann", "Bob"}, "team": {"Red"}}),
        ("ID,team\nAnn,Red\nBob,\n", {"staff": {"Ann", "Bob"}, "team": {"Red"}}),
        # A column of types stays, and rows have no other kind; one of numbers has values, and no kinds are made.
        ("name,type,team\nAnn,cook,Red\nBob,,Red\nRex,dog,\n", {"cook": {"Ann"}, "dog": {"Rex"}, "team": {"Red"}}),
        ("name,kind,team\nAnn,cook,Red\nBob,,Red\nRex,dog,\n", {"cook": {"Ann"}, "dog": {"Rex"}, "team": {"Red"}}),
        ("name,type,team\nAnn,1,Red\nBob,2,Red\n", {}),
        # A thing of the table is no kind.
        ("name,Team,office\nAnn,Office,Rome\nBob,Red,Oslo\n", {"staff": {"Ann", "Bob"}, "Team": {"Office", "Red"}}),
    ],
)  # fmt: skip
def test_things_are_of_kinds(tmp_path: Path, content: str, expected: dict[str, set[str]]) -> None:
    graph = load(tmp_path, "staff.csv", content, table=True, infer_values=True)
    assert kinds(graph) == expected
    assert expected or values(graph) == {"type": ("integer", {"Ann": 1.0, "Bob": 2.0})}


def test_rows_of_one_name_are_one_thing_and_told_but_two_values_of_it_are_refused(tmp_path: Path) -> None:
    content = "name,team,age\nAnn,Red,34\nAnn,Blue,34\nBob,Red,\nBob,Red,51\n"
    graph = load(tmp_path, "g.csv", content, table=True, infer_values=True)
    assert cells(graph) == {("Ann", "team", "Red"), ("Ann", "team", "Blue"), ("Bob", "team", "Red")}
    assert values(graph) == {"age": ("integer", {"Ann": 34.0, "Bob": 51.0})}
    assert graph.notes == ['"Ann" stands in lines 2 and 3, which are read as one thing (2 such names in all)']
    content = "name,team,age\nAnn,Red,34\nBob,Red,20\nAnn,Blue,35\n"
    expected = r'one value of "age" for "Ann" \(line 2 has 34\), found .35.; .*another name'
    with pytest.raises(DataError, match=expected) as raised:
        load(tmp_path, "g.csv", content, table=True, infer_values=True)
    assert raised.value.line == 4
    graph = load(tmp_path, "g.csv", content, table=True, infer_values=True, skip_broken=True)
    assert values(graph) == {"age": ("integer", {"Ann": 34.0, "Bob": 20.0})}
    assert graph.left_out is not None and graph.left_out.lines == 1


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("name,team\nAnn,Red\nBob\n", 3, r"2 cells as in the header \(1 here\)"),
        ("name,team\n,Red\n", 2, 'the name of a thing in the first column, "name"'),
        ("name,,team\nAnn,Red,Blue\n", 1, "names each column"),
        ("\nname,team,team\nAnn,Red,Blue\n", 2, "each by another name"),
        ("name\nAnn\n", 1, "two columns or more"),
        ("", 1, "two columns or more"),
        ("name,team\n", None, "at least one triple"),
    ],
)
def test_a_broken_table_is_named_with_its_line(tmp_path: Path, content: str, line: int | None, expected: str) -> None:
    with pytest.raises(DataError, match=expected) as raised:
        load(tmp_path, "g.csv", content, table=True)
    assert raised.value.line == line


# Recognising ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        PEOPLE,
        "Country,Capital,Population\nFrance,Paris,68000000\nPeru,Lima,34000000\n",
        "country,capital\nFrance,Paris\n",
        "country,capital,continent,currency,area\nFrance,Paris,Europe,Euro,551695\n",
        "team,name,salary\nRed,Ann,10\nRed,Bob,20\nBlue,Cleo,30\n",
    ],
)
def test_what_looks_like_a_table_is_refused_and_it_is_said_how_it_would_be_read(tmp_path: Path, content: str) -> None:
    header, row = (line.split(",") for line in content.split("\n")[:2])
    with pytest.raises(DataError, match=r"table=True \(--table\)") as raised:
        load(tmp_path, "g.csv", f"\n{content}")
    assert f"{row[0]} | {header[1]} | {row[1]}" in str(raised.value) and raised.value.line == 2


@pytest.mark.parametrize("content", ["name,team,\nAnn,Red,x\n", "name,name,team,office\nAnn,Red,Rome,5\n"])
def test_a_table_whose_header_does_not_name_each_column_is_one_all_the_same(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match=r"table=True \(--table\).* once each column .* a name of its own"):
        load(tmp_path, "g.csv", content)


@pytest.mark.parametrize(
    ("content", "table"),
    [
        ("ann,knows,bob\ncleo,likes,dan\n", None),
        ("a,knows,Bob\nBob,likes,Dan\n", None),
        ("head,relation,tail\nFrance,capital,Paris\nPeru,population,34\n", None),
        ("source,edge,target,type\nFrance,capital,Paris,entity\n", None),
        ("France,population,68,integer\nPeru,area,1285216,integer\n", None),
        ("name,is a,word\nname,has,letters\n", None),
        ("1,0,2\n2,0,3\n", None),
        ("name,team,office\nAnn,Red,Paris\n", False),
    ],
)
def test_triples_are_no_table(tmp_path: Path, content: str, table: bool | None) -> None:
    graph = load(tmp_path, "g.csv", content, table=table)
    assert graph.entity_ids and (table is None or ("name", "team", "office") in links(graph))


# Values by how they are spelled ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("relation", "tails", "kind"),
    [
        ("age", ("34", "-5"), "integer"),
        ("weight", ("34", "5.50"), "decimal"),
        ("founded", ("1999", "2004"), "year"),
        ("year of birth", ("1999", "204"), "integer"),
        ("staff", ("1999", "2004"), "integer"),
        ("hired", ("1999-01-02", "2004-12-31"), "date"),
        ("team", ("Red", "5"), None),
        ("postcode", ("01099", "20095"), None),
        ("phone", ("12345678901234567890", "5"), None),
        ("hired", ("1999-13-02", "2004-12-31"), None),
        ("size", ("1e3", "5"), None),
    ],
)
@pytest.mark.parametrize("table", [False, True])
def test_relations_have_values_where_all_tails_are_spelled_so(
    tmp_path: Path, table: bool, relation: str, tails: tuple[str, str], kind: ValueKind | None
) -> None:
    content = f"Ann,{relation},{tails[0]}\n Bob , {relation} , {tails[1]} \nAnn,knows,Bob\n"
    if table:
        content = f"name,{relation}\nAnn,{tails[0]}\nBob,{tails[1]}\nCleo,\n"
    graph = load(tmp_path, "g.csv", content, table=table, infer_values=True)
    assert {name: found for name, (found, _) in values(graph).items()} == ({} if kind is None else {relation: kind})
    assert (("Ann", relation, tails[0]) in links(graph)) == (kind is None)


def test_ids_of_other_rows_are_things_and_not_numbers_and_rows_that_say_their_type_keep_it(tmp_path: Path) -> None:
    content = "id,name,manager,age\n1,Ann,,51\n2,Bob,1,34\n3,Cleo,1,29\n"
    graph = load(tmp_path, "g.csv", content, table=True, infer_values=True)
    assert ("2", "manager", "1") in links(graph)
    assert values(graph) == {"age": ("integer", {"1": 51.0, "2": 34.0, "3": 29.0})}
    content = "France,code,33,entity\nSpain,code,34\nFrance,area,5,integer\nPeru,area,6,integer\n"
    graph = load(tmp_path, "g.csv", content, infer_values=True)
    assert links(graph) == {("France", "code", "33"), ("Spain", "code", "34")}
    assert values(graph) == {"area": ("integer", {"France": 5.0, "Peru": 6.0})}


def test_a_thing_with_two_numbers_under_a_relation_keeps_both_as_entities_and_that_is_told(tmp_path: Path) -> None:
    graph = load(tmp_path, "g.tsv", "Kismet\tyear\t1944\nKismet\tyear\t1955\n", infer_values=True)
    assert links(graph) == {("Kismet", "year", "1944"), ("Kismet", "year", "1955")}
    assert graph.notes == ['"year" is read as names: "Kismet" has two values of it in lines 1 and 2']
    graph = load(tmp_path, "g.csv", "name,size\nAnn,34;36\n", table=True, infer_values=True, cell_separator=";")
    assert cells(graph) == {("Ann", "size", "34"), ("Ann", "size", "36")}
    assert graph.notes == ['"size" is read as names: "Ann" has two values of it in line 2']


@pytest.mark.parametrize(
    ("tails", "told"),
    [
        (("1", "145k", "3"), '2 of 3 are numbers, but line 3 has "145k"'),
        (("1", "2.5", "-"), '2 of 3 are numbers, but line 4 has "-"'),
        (("1999-01-02", "2020", "2001-12-31"), '2 of 3 are dates (YYYY-MM-DD), but line 3 has "2020"'),
        (("15.06.2012", "1999-01-02"), '1 of 2 are dates (YYYY-MM-DD), but line 2 has "15.06.2012"'),
        (("Red", "5", "Blue"), None),
        (("1", "2", "3"), None),
    ],
)
@pytest.mark.parametrize("table", [False, True])
def test_odd_tails_among_numbers_or_dates_are_told(
    tmp_path: Path, table: bool, tails: tuple[str, ...], told: str | None
) -> None:
    rows = [f"{head},{tail}" if table else f"{head},age,{tail}" for head, tail in zip("ABC", tails, strict=False)]
    content = "\n".join(["name,age" if table else "X,knows,Y", *rows])
    graph = load(tmp_path, "g.csv", content, table=table, infer_values=True)
    assert graph.notes == ([] if told is None else [f'"age" is read as names: {told}'])


# Broken lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("g.tsv", "A\tr\tB\nbroken\nA\t\tB\nC\tr\tD\n", ("line 2: expected head", "line 3: expected head")),
        ("g.csv", 'A,r,B\nA,"r"x,B\nA,r,"B\nC,r,D\n', ("line 2: expected", "line 3: expected")),
        ("g.csv", 'A,r,B\n"a\nb"\nC,r,D\n', ("line 2: expected",)),
        ("g.csv", "type,tail,relation,head\nentity,B,r,A\nB,r,A\nentity,D,r,C\n", ("line 3: expected the 4 columns",)),
        ("g.tsv", "A\tr\tB\nA\tv\tx\tinteger\nC\tr\tD\tentity\nA\tr\tB\tcolour\n", ("line 2", "line 4")),
        ("g.jsonl", '["A", "r", "B"]\n{\n["A", "r"]\n["C", "r", "D"]\n', ("line 2", "line 3")),
        # Rows that disagree: the first stays.
        ("g.tsv", "A\tr\tB\nA\tr\t5\tinteger\nC\tr\tD\nA\tv\t1\tinteger\nB\tv\tC\nB\tv\t1999\tyear\n",
         ("line 2:", "line 5:", "line 6:")),
        ("g.jsonl", '["A","r","B"]\n["A","r",5]\n["C","r","D"]\n["A","v",1]\n["B","v","C"]\n'
                    '["B","v",{"value":1999,"type":"year"}]\n', ("line 2:", "line 5:", "line 6:")),
    ],
)  # fmt: skip
def test_broken_lines_are_left_out_and_told(tmp_path: Path, name: str, content: str, told: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"line \d"):
        load(tmp_path, name, content)
    graph = load(tmp_path, name, content, skip_broken=True)
    assert links(graph) == {("A", "r", "B"), ("C", "r", "D")}
    assert values(graph) == ({"v": ("integer", {"A": 1.0})} if len(told) == 3 else {})
    assert graph.left_out is not None
    for reason, start in zip(graph.left_out.first, told, strict=True):
        assert reason.startswith(start)


def test_all_broken_lines_are_counted_and_the_first_are_told(tmp_path: Path) -> None:
    graph = load(tmp_path, "g.csv", "A,r,B\n" + "broken\n" * 1_234 + '"a\nb"\n', skip_broken=True)
    assert graph.left_out is not None
    assert (graph.left_out.lines, len(graph.left_out.first)) == (1_236, 5)
    assert str(graph.left_out).startswith("1,236 broken lines were left out: line 2: expected head")
    assert str(graph.left_out).endswith("; and others")
    graph = load(tmp_path, "g.csv", "name,team\nAnn,Red\nBob\n,Blue\nCleo,Red\n", table=True, skip_broken=True)
    assert cells(graph) == {("Ann", "team", "Red"), ("Cleo", "team", "Red")}
    assert graph.left_out is not None and graph.left_out.lines == 2
    assert load(tmp_path, "g.csv", "A,r,B\n", skip_broken=True).left_out is None
    with pytest.raises(DataError, match="at least one triple, found 'none'; 1 broken line was left out: line 1"):
        load(tmp_path, "g.tsv", "broken\n", skip_broken=True)


# Where the options belong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "loading", "told"),
    [
        ("g.jsonl", {"table": True}, r"table \(--table\).*\.tsv, \.csv, \.txt"),
        ("g.nt", {"infer_values": True}, r"infer_values \(--infer-values\)"),
        ("g.ttl", {"skip_broken": True}, r"skip_broken \(--skip-broken\).* and \.jsonl"),
        # A separator of cells needs a table.
        ("g.csv", {"cell_separator": ";"}, "--table"),
        ("g.csv", {"table": True, "cell_separator": ""}, "at least one character"),
    ],
)
def test_an_option_without_use_is_refused(tmp_path: Path, name: str, loading: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        load(tmp_path, name, "", **loading)


# Rows with types --------------------------------------------------------------------------------------------------


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
