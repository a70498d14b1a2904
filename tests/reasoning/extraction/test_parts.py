"""Documents, passages, schemas and values, each by itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.columns import ValueKind
from reasoning import KnowledgeGraph
from reasoning.extraction import documents
from reasoning.extraction.documents import BLOCK, Document, documents_of, passages
from reasoning.extraction.schema import ExtractionSchema, schema_of_graph, value_in
from skylark.errors import UsageError


def divided(text: str, chunk_tokens: int = 50) -> list[str]:
    return [passage.text for passage in passages(Document("a", text), chunk_tokens)]


# Documents --------------------------------------------------------------------------------------------------------


def test_a_text_without_a_name_is_called_by_what_it_is_and_lines_end_as_in_python(tmp_path: Path) -> None:
    [one, other], [again] = documents_of(["Ann.", "Bo."]), documents_of("Ann.")
    assert one == again and one.name != other.name
    path = tmp_path / "a.txt"
    path.write_bytes("one\r\ntwo\rthree é".encode())
    assert documents_of(path)[0].text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "there are no documents"),
        ("", "is empty"),
        ({"a": " \n"}, "a is empty"),
        ({"": "Ann."}, "needs a name"),
        ({"a": 3}, "expected names with texts, found str with int"),
        (3, "expected documents as texts, paths or a mapping"),
        (b"Ann.", "not a number of bytes"),
        ([b"Ann."], "not a number of bytes"),
        ({"a": "Ann\0"}, "a is not text"),
        (["Ann.", "Ann."], "two documents are called"),
    ],
)
def test_what_is_no_document_is_refused(given: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        documents_of(given)  # type: ignore[arg-type]


def test_documents_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(documents, "LARGEST", 1 << 20)
    monkeypatch.setattr(documents, "LARGEST_TOGETHER", 2 << 20)
    (tmp_path / "a.txt").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="has more than 1 MB: divide it"):
        documents_of(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="more than 2 MB together"):
        documents_of({str(n): "x" * (1 << 20) for n in range(3)})


# Passages ---------------------------------------------------------------------------------------------------------


@given(st.text(alphabet="aB. \n\té漢", max_size=3000))
def test_passages_are_the_text_but_for_blanks(text: str) -> None:
    found = list(passages(Document("a", text), 50))
    assert "".join("".join(passage.text for passage in found).split()) == "".join(text.split())
    for passage in found:
        assert text[passage.start : passage.start + len(passage.text)] == passage.text
        assert passage.line == 1 + text.count("\n", 0, passage.start)
        assert len(passage.text) <= 150


def test_a_passage_ends_where_a_sentence_does_and_not_at_a_wrapped_line() -> None:
    text = " ".join(f"Sentence number {n} is of a usual length." for n in range(40))
    assert all(part.startswith("Sentence") and part.endswith("length.") for part in divided(text))
    line = "Ann Lee, whom everybody at the harbour knew for her patience, works\nfor Core. "
    assert all(part.startswith("Ann Lee") and part.endswith("Core.") for part in divided(line * 8))
    assert sum(map(len, divided("x" * (8 * BLOCK), 600))) == 8 * BLOCK


# Schemas ----------------------------------------------------------------------------------------------------------

KG = KnowledgeGraph.from_triples(
    [
        ("Ann", "works for", "Core"), ("Ann", "type", "person"), ("Core", "type", "company"), ("Ann", "born in", 1980),
    ]
)  # fmt: skip


def test_a_graph_gives_its_relations_with_kinds_which_are_read_as_they_were_written(tmp_path: Path) -> None:
    schema = schema_of_graph(KG)
    assert schema.to_dict() == {
        "relations": [
            {"name": "works for", "head": "person", "tail": "company"},
            {"name": "born in", "head": "person", "tail": "integer"},
        ]
    }
    schema.write(tmp_path / "schema.json")
    assert ExtractionSchema.read(tmp_path / "schema.json") == schema


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "an object with a list of relations"),
        ({"relations": []}, "at least one relation"),
        ({"relations": ["x"]}, "expected a relation as an object"),
        ({"relations": [{"head": "a"}]}, "as name, found None"),
        ({"relations": [{"name": "a\nb\0"}]}, "as name"),
        ({"relations": [{"name": "a", "tails": "b"}]}, 'no field "tails"; it has name, head, tail'),
        ({"relations": [{"name": "a", "tail": 3}]}, 'as tail of "a", found 3'),
        ({"relations": [{"name": "a", "tail": ["year", "city"]}]}, "either of one kind of values"),
        ({"relations": [{"name": "a"}, {"name": "A"}]}, 'two relations of one name, "a" and "A"'),
        ({"relations": [{"name": f"r{n}"} for n in range(101)]}, "has 101 relations, .* at most 100"),
    ],
)
def test_what_is_no_schema_is_refused(content: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ExtractionSchema.from_dict(content)


# Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "tail", "span", "expected"),
    [
        ("integer", "1,240", "has 1,240 people", "1240"),
        ("integer", "1240", "has 1,240 people", "1240"),
        ("integer", "1240", "has 12,400 people", None),
        ("integer", "many", "has many people", None),
        ("decimal", "2.5", "grew by 2.5 percent.", "2.5"),
        ("year", "1999", "in 1999.", "1999"),
        ("date", "7 November 1867", "born on 7 November 1867 in", "1867-11-07"),
        ("date", "November 1867", "born in November 1867", None),
        ("date", "03/04/2020", "on 03/04/2020", None),
        ("date", "1867-11-07", "born on 7 November 1867", None),
    ],
)
def test_values_are_those_that_the_words_spell(kind: ValueKind, tail: str, span: str, expected: str | None) -> None:
    value = value_in(kind, tail, span)
    assert (None if value is None else str(value)) == expected
