from __future__ import annotations

import datetime
from collections.abc import Callable

import pyoxigraph
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg_data import columns
from kg_data.columns import ValueKind

BOTH_WAYS = [
    pytest.param(columns.entity_iri, columns.entity_id, id="entity"),
    pytest.param(columns.relation_iri, columns.relation_id, id="relation"),
    pytest.param(columns.type_iri, columns.type_name, id="type"),
]
ANY_TEXT = st.text(st.characters(), min_size=1)  # lone surrogates among them


@pytest.mark.parametrize(("to_iri", "back"), BOTH_WAYS)
@given(identifier=ANY_TEXT | st.builds("http://{}".format, ANY_TEXT) | st.builds("urn:skylark:{}".format, ANY_TEXT))
@example(identifier="urn:skylark:entity:Paris")
@example(identifier="https://example.org/São Paulo")
def test_every_id_has_a_valid_iri_that_leads_back_to_it(
    to_iri: Callable[[str], str], back: Callable[[str], str], identifier: str
) -> None:
    iri = to_iri(identifier)
    pyoxigraph.NamedNode(iri)
    assert back(iri) == identifier


@pytest.mark.parametrize(
    "iri", ["http://www.wikidata.org/entity/Q142", "https://example.org/é#x", "urn:isbn:0451450523"]
)
def test_an_iri_is_its_own_id(iri: str) -> None:
    assert columns.entity_iri(iri) == iri
    assert columns.entity_id(iri) == iri


def test_another_id_is_percent_encoded_behind_what_it_names() -> None:
    assert columns.entity_iri("Côte d'Ivoire") == "urn:skylark:entity:C%C3%B4te%20d%27Ivoire"
    assert columns.relation_iri("/film/genre") == "urn:skylark:relation:%2Ffilm%2Fgenre"
    assert columns.type_iri("city") == "urn:skylark:type:city"


def test_no_iri_ends_in_a_dot_which_turtle_escapes_and_rdflib_then_refuses() -> None:
    assert columns.entity_iri("Washington, D.C.") == "urn:skylark:entity:Washington%2C%20D.C%2E"


@pytest.mark.parametrize("iri", ["urn:skylark:entity:%61", "urn:skylark:entity:%FF", "urn:skylark:entity:"])
def test_an_iri_that_the_scheme_does_not_write_stays_as_it_is(iri: str) -> None:
    assert columns.entity_id(iri) == iri


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("integer", 67e6, "67000000"),
        ("decimal", 0.1, "0.1"),
        ("year", 476.0, "0476"),
        ("year", -44.0, "-0044"),
        ("date", float(datetime.date(1999, 1, 2).toordinal()), "1999-01-02"),
    ],
)
def test_a_value_is_spelled_as_its_datatype_asks(kind: ValueKind, value: float, text: str) -> None:
    assert columns.lexical_form(kind, value) == text
