"""What stands in a query as a term can never be read as more than one."""

from __future__ import annotations

import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.graph.remote.terms import iri_text, string_text


def read(text: str) -> object:
    solutions = pyoxigraph.Store().query(f"SELECT ?x WHERE {{ BIND({text} AS ?x) }}")
    assert isinstance(solutions, pyoxigraph.QuerySolutions)
    return next(iter(solutions))[0]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_a_text_is_read_as_it_was(text: str) -> None:
    expected = text.replace("\\u", "\ufffdu").replace("\\U", "\ufffdU")
    assert read(string_text(text)) == pyoxigraph.Literal(expected)


@pytest.mark.parametrize("text", ['"', "\\", '\\"', "\\u0022 } DROP ALL", "a\nb\r\tc", "\\\\u0022"])
def test_a_text_cannot_end_early(text: str) -> None:
    found = read(string_text(text))
    assert isinstance(found, pyoxigraph.Literal) and len(found.value) == len(text)


def test_a_language_tag_that_is_none_is_left_out() -> None:
    assert read(string_text("Wien", "de-AT")) == pyoxigraph.Literal("Wien", language="de-at")
    assert string_text("Wien", "de } DROP ALL") == '"Wien"'


@given(st.text(st.sampled_from('<>"{}|^`\\ \n\t\x7f/.é u0')))
def test_an_iri_cannot_end_early(text: str) -> None:
    found = read(iri_text(f"http://example.org/{text}"))
    assert isinstance(found, pyoxigraph.NamedNode) and found.value.startswith("http://example.org/")
