import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import AmbiguousEntityError, UnknownEntityError
from reasoning.graph.names import StringColumn, byte_order, fold, nearest_texts
from tests.reasoning.made_columns import graph


def ring(*entities: tuple[str, str], aliases: tuple[tuple[int, str], ...] = ()) -> KnowledgeGraph:
    """A graph of these (id, label) entities in one ring."""
    count = len(entities)
    return graph(dict(entities), {"next": "next"}, [[i, 0, (i + 1) % count] for i in range(count)], aliases=aliases)


PLACES = ring(
    ("Q1", "Côte d'Ivoire"), ("Q2", "São Tomé and Príncipe"), ("Q3", "Guinea-Bissau"), ("Q4", "St. Lucia"),
    ("Q5", "Łódź"), ("Q6", "Straße"), ("Q7", "United States"), ("Q8", "日本"), ("Q9", "Oman"),
    ("Q10", "Ruanda-Urundi"), ("Q11", "!!!"), ("Q12", "Kyrgyzstan"),
    aliases=((0, "Ivory Coast"), (6, "USA"), (6, "America")),
)  # fmt: skip


def test_case_accents_punctuation_aliases_and_ids_are_read_without_a_note() -> None:
    typed = {
        "Q1": ["Côte d'Ivoire", "cote d’ivoire", "COTE DIVOIRE", "ivory  coast"],
        "Q2": ["Sao Tome and Principe", "Sa\u0303o Tome\u0301 and Pri\u0301ncipe"],
        "Q3": ["guinea bissau", "Guinea–Bissau"], "Q4": ["St Lucia"], "Q5": ["Lodz"], "Q6": ["strasse"],
        "Q7": ["usa", "U.S.A.", "𝐔𝐧𝐢𝐭𝐞𝐝 𝐒𝐭𝐚𝐭𝐞𝐬"], "Q8": ["日本"], "Q9": ["Q9"], "Q10": ["q10"], "Q11": ["!!!"],
    }  # fmt: skip
    for identifier, names in typed.items():
        for match in map(PLACES.match, names):
            assert (PLACES.identifier(match.entities[0]), match.corrected_to) == (identifier, None)
    assert PLACES.name(0) == "Côte d'Ivoire"


def test_a_misspelling_is_corrected_with_a_note_but_in_short_names_and_numbers() -> None:
    for typed, name in (
        ("Kyrgystan", "Kyrgyzstan"), ("Kyrgyzstna", "Kyrgyzstan"), ("Guinea Bisau", "Guinea-Bissau"),
        ("Ivory Coats", "Côte d'Ivoire"),
    ):  # fmt: skip
        answer = Reasoner(PLACES, method="exact").answer(Query.parse(f'next("{typed}")'))
        assert answer.notes == (f'read "{typed}" as "{name}"',)
    for typed in ("Q13", "US", "Oma", "XYZ", "!!", "?"):
        with pytest.raises(UnknownEntityError):
            PLACES.match(typed)
    for label, typed in (
        ("Apollo 13", "Apollo 12"), ("Q1234567", "Q1234568"), ("Boeing 747", "Boeing 47"), ("Henry 8", "Henry"),
    ):  # fmt: skip
        with pytest.raises(UnknownEntityError) as raised:
            ring(("x", label), ("y", "something else")).match(typed)
        assert raised.value.nearest[0] == label


def test_a_misspelling_of_two_names_is_no_guess_and_an_unknown_name_lists_the_nearest_first() -> None:
    kg = ring(("1", "Marianna"), ("2", "Marianne"))
    with pytest.raises(UnknownEntityError, match='"Marianna" or "Marianne"'):
        kg.match("Mariannx")
    assert [kg.name(entity) for entity in kg.names.respelled("Mariannx")] == ["Marianna", "Marianne"]
    kg = ring(("1", "Portland"), ("2", "Poland"), ("3", "Finland"), ("4", "Zaire"))
    with pytest.raises(UnknownEntityError) as raised:
        kg.match("Prolandia")
    assert raised.value.nearest[0] == "Poland" and "Zaire" not in raised.value.nearest
    with pytest.raises(UnknownEntityError) as raised:
        kg.match("x" * 200_000)
    assert len(str(raised.value)) < 500
    assert nearest_texts("boarders", ["Capital", "Borders", "currency"]) == ["Borders"]


def test_a_shared_label_lists_the_ids_to_choose_from() -> None:
    kg = ring(*((f"id{i}", "Springfield") for i in range(7)), aliases=((0, "Georgia"), (1, "Georgia")))
    with pytest.raises(AmbiguousEntityError) as raised:
        kg.match("springfield")
    assert (raised.value.total, raised.value.ids) == (7, [f"id{i}" for i in range(7)])
    assert 'entity("id4") and 2 more' in str(raised.value)
    told = str(AmbiguousEntityError("Springfield", ["a", "b"], 30_000))
    assert "names 30,000 entities" in told and "and 29,998 more" in told
    with pytest.raises(AmbiguousEntityError):
        kg.match("Georgia")
    kg = ring(("1", "Paris"), ("2", "Paris"), ("3", "PARIS"))
    assert [kg.name(i) for i in range(3)] == ["Paris (1)", "Paris (2)", "PARIS"]


def test_the_exact_spelling_wins_then_labels_then_aliases() -> None:
    labels = ("C", "C++", "C#", "Reading", "Berkshire", "Lead", "LEAD")
    kg = ring(*((str(i), label) for i, label in enumerate(labels, start=1)), aliases=((4, "reading"),))
    typed = {"C": "1", "C++": "2", "C#": "3", "Reading": "4", "reading": "4", "Lead": "6"}
    assert {name: kg.identifier(kg.entity(name)) for name in typed} == typed


def test_what_else_a_name_may_mean_is_known() -> None:
    kg = KnowledgeGraph.from_triples(
        [("Paris", "twin", "Paris (Texas)"), ("Democratic Republic of the Congo", "borders", "Republic of the Congo"),
         ("Congo Red", "used in", "Lyon"), ("Parish", "in", "Lyon")],
        types=[("Democratic Republic of the Congo", "country"), ("Republic of the Congo", "country"),
               ("Congo Red", "dye")],
        aliases=[("Democratic Republic of the Congo", "Congo"), ("Lyon", "Lugdunum"), ("Congo Red", "Red")],
    )  # fmt: skip
    others = {
        "Paris": ["Paris (Texas)"], "paris": ["Paris (Texas)"], "Congo": ["Republic of the Congo"], "Lugdunum": [],
        "Paris (Texas)": [], "Lyon": [], "Red": [], "Republic of the Congo": [],
    }  # fmt: skip
    assert {name: [kg.name(entity) for entity in kg.namesakes(name)] for name in others} == others


TANGLED = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "12", "a", "A", "A (1)", "1 (2)", "Q (x)"]),
        st.sampled_from(["A", "a", "A 1", "A (1)", "A (1) (2)", "A (1 (2))", "B", "B (2)", "12"]),
    ),
    min_size=1, max_size=8, unique_by=lambda pair: pair[0],
)  # fmt: skip


@pytest.mark.slow
@given(TANGLED)
def test_a_display_name_means_its_entity_whatever_the_labels(entities: list[tuple[str, str]]) -> None:
    kg = ring(*entities)
    assert [kg.entity(kg.name(i)) for i in range(len(entities))] == list(range(len(entities)))


@given(st.text(min_size=1, max_size=12), st.text(alphabet="abcxyz éüñ-'.", min_size=1, max_size=12))
def test_folding_twice_changes_nothing_and_capitals_fold_away(name: str, plain: str) -> None:
    assert fold(name) and fold(fold(name)) == fold(name)
    assert fold(plain.upper()) == fold(plain)


texts = st.lists(st.text(max_size=5), max_size=12)


@example(["", "\ud800", "a\0b", "😀", "é"])
@given(texts)
def test_a_column_indexes_and_slices_like_a_list(strings: list[str]) -> None:
    column = StringColumn.from_strings(strings)
    assert list(column) == strings
    assert [column[i] for i in range(-len(strings), len(strings))] == strings * 2
    assert column[1:-1] == strings[1:-1]
    for outside in (len(strings), -len(strings) - 1):
        with pytest.raises(IndexError):
            column[outside]
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    assert [encoded[i] for i in byte_order(strings)] == sorted(encoded)


@given(texts, st.text(max_size=5))
def test_a_span_holds_every_position_of_a_key(strings: list[str], key: str) -> None:
    column = StringColumn.from_strings(strings)
    order = byte_order(column)
    found = sorted(int(order[i]) for i in column.span(key, order))
    assert found == [i for i, text in enumerate(strings) if text == key]
