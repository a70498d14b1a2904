"""What a model may write: the automaton, its counting, and the tokens that lead along it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.tiny_vision_models import QWEN_SIGNS
from vision.detectors.transformers_models.language.constraint import Constraint, Spelling
from vision.detectors.transformers_models.language.family import any_of, listed
from vision.detectors.transformers_models.language.grammar import (
    Automaton,
    Part,
    automaton,
    control,
    counted,
    integer,
    perhaps,
    sequence,
    some,
    symbols,
    text,
)


def accepted(made: Automaton, written: bytes) -> bool:
    """Whether a whole text is in the grammar."""
    state = made.start()
    for byte in written:
        after = made.step(state, byte)
        if after is None:
            return False
        state = after
    return made.may_end(state)


@pytest.mark.parametrize("most", [0, 1, 9, 10, 99, 100, 447, 1000, 1023])
def test_an_integer_is_any_up_to_the_most_and_no_other(most: int) -> None:
    made = automaton(integer(most), 0)
    for number in range(0, 1200):
        assert accepted(made, str(number).encode()) == (number <= most)
    for other in ("", "00", "01", "-1", "1.", "1 "):
        assert not accepted(made, other.encode())


@given(st.integers(0, 50_000), st.integers(0, 60_000))
def test_an_integer_of_any_length_is_bounded(most: int, number: int) -> None:
    assert accepted(automaton(integer(most), 0), str(number).encode()) == (number <= most)


LIST = sequence(text("["), perhaps(some(counted(any_of(["cat", "cat food", "dög"])), text(", "))), text("]"))


@pytest.mark.parametrize(
    ("written", "objects"),
    [
        ("[]", 0),
        ("[cat]", 1),
        ("[cat food]", 1),
        ("[dög, cat]", 2),
        ("[cat, cat food, cat]", 3),
        ("[cat, cat, cat, cat]", 4),
    ],
)
def test_objects_are_counted_and_bounded(written: str, objects: int) -> None:
    for most in range(6):
        assert accepted(automaton(LIST, most), written.encode()) == (objects <= most)


@pytest.mark.parametrize(
    "written", ["", "[", "cat", "[cow]", "[ca]", "[cat,cat]", "[cat food food]", "[cat]]", "[cat, ]"]
)
def test_what_breaks_off_or_runs_on_is_no_text_of_the_grammar(written: str) -> None:
    assert not accepted(automaton(LIST, 9), written.encode())


def test_boxes_in_groups_count_each() -> None:
    grouped = perhaps(some(sequence(any_of(["a", "b"]), some(counted(text("#"))))))
    made = automaton(grouped, 3)
    assert all(accepted(made, row) for row in (b"", b"a#", b"a##b#", b"b###", b"a#a#a#"))
    assert not any(accepted(made, row) for row in (b"a", b"#", b"a##b##", b"b####", b"a###b", b"ab#"))


def constraint(part: Part, most: int, tokens: list[str]) -> tuple[Constraint, list[str]]:
    """A constraint over made-up tokens; the last one ends a text, those in angle brackets are control tokens."""
    named = [*tokens, "<end>"]
    spelled = {
        number: (control(number),) if token.startswith("<") else tuple(token.encode())
        for number, token in enumerate(named)
    }
    signs = {token: number for number, token in enumerate(named) if token.startswith("<")}
    return Constraint(automaton(part, most), Spelling(spelled, signs, None), [len(tokens)]), named


def test_tokens_may_run_over_the_seams_of_the_grammar() -> None:
    held, tokens = constraint(
        LIST, 2, ["[", "[c", "at", "a", "t, d", "t, ", "c", "ö", "dö", "g]", "]", "cow", "t, cat, c"]
    )

    def following(*row: str) -> set[str]:
        state = held.automaton.start()
        for token in row:
            after = held.step(state, tokens.index(token))
            assert after is not None
            state = after
        return {tokens[number] for number in held.next_ids(state)}

    assert following() == {"[", "[c"}
    assert following("[") == {"]", "c", "dö"}
    assert following("[c") == {"at", "a"}
    assert following("[c", "a") == {"t, ", "t, d"}, "a third object would be one too many"
    assert following("[c", "at") == {"]"}
    assert following("[c", "a", "t, ", "dö") == {"g]"}
    assert following("[c", "a", "t, ", "dö", "g]") == {"<end>"}


def test_half_a_letter_is_no_end_of_a_word() -> None:
    part = any_of(["dög"])
    first, second = "ö".encode()
    spelled = {0: (ord("d"),), 1: (first,), 2: (second,), 3: (ord("g"),)}
    held = Constraint(automaton(part, 0), Spelling(spelled, {"<end>": 4}, None), [4])
    state = held.automaton.start()
    for expected in ([0], [1], [2], [3], [4]):
        assert held.next_ids(state) == expected
        if expected != [4]:
            after = held.step(state, expected[0])
            assert after is not None
            state = after
    assert held.accepts([0, 1, 2, 3])
    assert not held.accepts([0, 1])


def test_control_tokens_are_not_their_own_letters() -> None:
    held, tokens = constraint(symbols([control(1)]), 0, ["<", "<box>", "box>"])
    assert [tokens[number] for number in held.next_ids(held.automaton.start())] == ["<box>"]


@given(st.data())
def test_whatever_is_drawn_of_the_tokens_the_text_is_whole_in_the_end(data: st.DataObject) -> None:
    pieces = [*"[]cat, foodög", "dö", "g", "at", "t, c", "at]", "cow", *QWEN_SIGNS]
    held, tokens = constraint(LIST, 4, sorted(set(pieces)))
    state, row = held.automaton.start(), list[int]()
    for _ in range(200):
        token = data.draw(st.sampled_from(held.next_ids(state)))
        after = held.step(state, token)
        if after is None:
            break
        state = after
        row.append(token)
    written = "".join(tokens[number] for number in row)
    assert held.accepts(row)
    names = re.findall("cat food|cat|dög", written)
    assert written == f"[{', '.join(names)}]"
    assert len(names) <= 4


def test_enumerations_read_as_sentences_do() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
