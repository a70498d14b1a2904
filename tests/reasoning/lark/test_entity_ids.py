import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph
from reasoning.errors import StepError
from reasoning.lark.prompts import AbstractNaming, ReadableNaming, id_digits
from reasoning.lm.calls import quoted

NAMES = ("Rio", "Río", "Congo, Republic of the", 'the "Rock"', "None", "Bern", "a\nb", "[x]", "U.S.", "C", "C++")
KG = KnowledgeGraph.from_triples([(name, "r", "end") for name in NAMES])


@pytest.fixture
def abstract() -> AbstractNaming:
    """Entities 10 to 14, written as some order of e1 to e5."""
    return AbstractNaming([14, 10, 11, 12, 13, 10], [3, 7], random.Random(0))


def readable(*names: str) -> ReadableNaming:
    return ReadableNaming([KG.entity(name) for name in names or NAMES], KG)


def test_a_few_ids_are_numbered_from_one_without_gaps_and_say_nothing_of_the_entity(abstract: AbstractNaming) -> None:
    assert sorted(abstract.entity(entity) for entity in range(10, 15)) == ["e1", "e2", "e3", "e4", "e5"]
    assert sorted(abstract.relation(relation) for relation in (3, 7)) == ["r1", "r2"]
    drawn = Counter(AbstractNaming(range(4), [0], random.Random(seed)).entity(0) for seed in range(400))
    assert set(drawn) == {"e1", "e2", "e3", "e4"}
    assert min(drawn.values()) > 60


def test_all_ids_of_a_prompt_have_as_many_digits() -> None:
    for count, digits in ((9, 1), (10, 2), (91, 3), (900, 3)):
        naming = AbstractNaming(range(count), range(count), random.Random(0))
        assert id_digits(count) == digits
        written = {naming.entity(entity) for entity in range(count)}
        assert len(written) == count
        assert {len(name) for name in written} == {len(naming.relation(r)) for r in range(count)} == {1 + digits}
        assert not written & set(naming.example_entities)


def test_a_list_of_ids_is_read_in_its_order_each_once_and_no_answer_is_said_so(abstract: AbstractNaming) -> None:
    for written in (
        "{0},{1}", "{0} {1}", "{0}\n{1}", "{0}; {1}", "[{0}, {1}]", "({0}, {1}).", " {0}, {1},", "{0},{1},{0}",
    ):  # fmt: skip
        assert abstract.read(written.format(abstract.entity(12), abstract.entity(10))) == [12, 10]
    for reply in ("none", "NONE.", " none\n", '"none".', "[]", "( )", "[none]"):
        assert abstract.read(reply) == []
    assert readable("Bern", "Rio").read('"none"') == [], "nothing is called so"


def test_whatever_else_is_refused(abstract: AbstractNaming) -> None:
    for reply, problem in {
        " \n": "the reply is empty", ".": "nothing but punctuation", "[,]": "nothing but punctuation",
        "e1 and e2": '"and" is not an id', "e1, none": '"none" is not an id', "e6": '"e6" is not in the context',
        "e1e2": '"e1e2" glues several ids together', "e01": '"e01" is not in the context',
        "e9001": '"e9001" is not in the context', "E1": '"E1" is not an id', "e": '"e" is not an id',
        "e1-e3": '"e1-e3" is not an id', "[e1": '"[e1" is not an id', "e1 r1 e2": '"r1" is not an id',
        "e１": "not in the context", "x" * 500: 'x..." is not an id',
    }.items():  # fmt: skip
        with pytest.raises(StepError, match=re.escape(problem)):
            abstract.read(reply)


@given(st.text(alphabet='e0123456789,; .[]()nor\n"', max_size=30))
def test_nothing_is_read_that_was_not_written_in_the_reply_and_no_beginning_of_it_is_hopeless(reply: str) -> None:
    naming = AbstractNaming(range(9), [0], random.Random(1))
    try:
        found = naming.read(reply)
    except StepError:
        return
    assert all(naming.entity(entity) in reply for entity in found)
    assert not any(naming.hopeless(reply[:end]) for end in range(len(reply)))


def test_names_of_one_line_are_read_as_their_entities_despite_case_and_punctuation() -> None:
    for name in NAMES:
        written = readable().entity(KG.entity(name))
        assert json.loads(written) == name and "\n" not in written
        assert readable().read(json.dumps(name)) == [KG.entity(name)]
    assert readable().read(readable().listing()) == [KG.entity(name) for name in NAMES]
    for reply, names in (
        ("Bern, Rio", ["Bern", "Rio"]), ("Bern\nRio\n", ["Bern", "Rio"]), ("[\"Bern\", \"Rio\"]", ["Bern", "Rio"]),
        ('"Bern", "Bern"', ["Bern"]), ('"BERN".', ["Bern"]), ("none", []), ("[]", []),
        ('"Congo Republic of the"', ["Congo, Republic of the"]),
    ):  # fmt: skip
        assert readable().read(reply) == [KG.entity(name) for name in names]


def test_whatever_names_nothing_or_two_things_is_refused() -> None:
    for reply, problem in {
        "": "the reply is empty", "...": "nothing but punctuation", '"Bern': "is not a list of names",
        '"Berne"': '"Berne" is no name in the context', '"Bern", 5': '"5" is no name in the context',
        '"Bern", ' + "9" * 5000: "is not a list of names", "[" * 100_000 + '"': "is not a list of names",
        '"Bern", ["Rio"]': "is no name in the context", '"rio"': '"rio" could be several names',
        '"end"': '"end" is no name in the context',
    }.items():  # fmt: skip
        with pytest.raises(StepError, match=re.escape(problem)):
            readable().read(reply)


def test_no_name_leaves_its_quotes_or_its_line_or_goes_unseen_and_those_of_every_script_are_as_they_are() -> None:
    for name in (
        'x", "r", "y")\n("a', "a\u2028b", "a\x85b", "\u202eesrever", "\u2066x\u2069", "\ud800", "zero\u200bwidth",
        "\U000e0041\U000e0042", "\x7f", "</context>", "<CONTEXT>", "tab\there", "\ufeff",
    ):  # fmt: skip
        written = quoted(name)
        assert json.loads(written) == name
        assert len(written.splitlines()) == 1 and written.isprintable()
        assert "context>" not in written.lower() or "<" not in written
        assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', written)
    for name in ("שלום", "👩\u200d🔬", "می\u200cخواهم", "<b>", "naïve", "日本"):
        assert quoted(name) == f'"{name}"'


@given(st.text(max_size=20))
def test_whatever_the_name_it_is_read_back(name: str) -> None:
    written = quoted(name)
    assert json.loads(written) == name and len(written.splitlines()) == 1
