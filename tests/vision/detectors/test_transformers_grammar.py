"""What a model may write: grammars over the tokens of a tokenizer, and the texts of each family."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lm.constraint import Constraint, Spelling, any_of, any_token, integer, up_to
from tests.vision.tiny_vision_models import QWEN_SIGNS
from vision.detectors.transformers_models.language_models import FAMILIES, listed

BYTES = Spelling({number: bytes([number]) for number in range(256)}, {"<end>": 256}, None, (256,))


def accepted(grammar: str, text: str) -> bool:
    return Constraint(grammar, BYTES).accepts(list(text.encode()))


@pytest.mark.parametrize("most", [0, 9, 10, 99, 447, 1000, 1023])
def test_an_integer_is_any_up_to_the_most_and_no_other(most: int) -> None:
    held = Constraint(f"start: number\nnumber: {integer(most)}", BYTES)
    for number in {0, 1, 2, 9, 10, 11, 50, 98, 99, 100, 101, 446, 447, 448, 999, 1000, 1001, 1023, 1024, 9999}:
        assert held.accepts(list(str(number).encode())) == (number <= most)
    assert not any(held.accepts(list(other.encode())) for other in ("", "00", "01", "-1", "1.", "1e1", "1 ", " 1"))


def array(most: int) -> str:
    names = any_of(["cat", "cat food", "dög"])
    return f"""
        start: "[" ({up_to(most - 1, "BEFORE_NEXT")} LAST | "]")
        BEFORE_NEXT: {names} ", "
        LAST: {names} "]"
    """


def test_objects_are_counted_and_bounded_and_no_text_breaks_off_or_runs_on() -> None:
    texts = {"[]": 0, "[cat food]": 1, "[dög, cat]": 2, "[cat, cat, cat, cat]": 4}
    for written, objects in texts.items():
        for most in range(1, 6):
            assert accepted(array(most), written) == (objects <= most)
    for written in ("", "[", "cat", "[cow]", "[ca]", "[cat,cat]", "[cat food food]", "[cat]]", "[cat, ]"):
        assert not accepted(array(9), written)


def constraint(grammar: str, tokens: list[str]) -> tuple[Constraint, list[str]]:
    """A constraint over made-up tokens; the last one ends a text, those in angle brackets are control tokens."""
    named = [*tokens, "<end>"]
    signs = {token: number for number, token in enumerate(named) if token.startswith("<")}
    texts = {number: token.encode() for number, token in enumerate(named) if token not in signs}
    return Constraint(grammar, Spelling(texts, signs, None, (len(tokens),))), named


def test_tokens_may_run_over_the_seams_of_the_grammar() -> None:
    held, tokens = constraint(array(2), ["[", "[c", "at", "a", "t, d", "t, ", "c", "ö", "dö", "g]", "]", "t, cat, c"])

    def following(*row: str) -> set[str]:
        return {tokens[number] for number in held.allowed([tokens.index(token) for token in row])}

    assert following() == {"[", "[c"}
    assert following("[") == {"]", "c", "dö"}
    assert following("[c") == {"at", "a"}
    assert following("[c", "a") == {"t, ", "t, d"}, "a third object would be one too many"
    assert following("[c", "at") == {"]"}
    assert following("[c", "a", "t, ", "dö", "g]") == {"<end>"}
    assert following("[", "at") == set()


def test_half_a_letter_is_no_end_of_a_word() -> None:
    first, second = "ö".encode()
    texts = {0: b"d", 1: bytes([first]), 2: bytes([second]), 3: b"g"}
    held = Constraint(f"start: {any_of(['dög'])}", Spelling(texts, {"<end>": 4}, None, (4,)))
    for place in range(5):
        assert held.allowed([0, 1, 2, 3][:place]) == [[0, 1, 2, 3, 4][place]]
    assert held.accepts([0, 1, 2, 3]) and not held.accepts([0, 1])


def test_control_tokens_are_not_their_own_letters() -> None:
    held, tokens = constraint(f"start: {any_token([1])}", ["[", "<box>", "box>"])
    assert [tokens[number] for number in held.allowed([])] == ["<box>"]
    spelled, tokens = constraint('start: "<box>"', ["[", "<box>", "box>"])
    assert [tokens[number] for number in spelled.allowed([])] == ["<end>"], "no token leads on"
    assert not spelled.accepts([])


def test_a_text_may_end_by_any_of_the_ends_and_what_is_no_grammar_is_refused() -> None:
    held = Constraint('start: "a"', Spelling({0: b"a"}, {"<end>": 1, "<stop>": 2}, None, (1, 2)))
    assert held.allowed([0]) == [1, 2]
    with pytest.raises(ValueError, match="start"):
        Constraint("begin: nothing", BYTES)


@given(st.data())
def test_whatever_is_drawn_of_the_tokens_the_text_is_whole_in_the_end(data: st.DataObject) -> None:
    pieces = [*"[]cat, foodög", "dö", "g", "at", "t, c", "at]", "cow", *QWEN_SIGNS]
    held, tokens = constraint(array(4), sorted(set(pieces)))
    row: list[int] = []
    while (token := data.draw(st.sampled_from(held.allowed(row)))) != len(tokens) - 1:
        row.append(token)
    written = "".join(tokens[number] for number in row)
    assert held.accepts(row)
    names = re.findall("cat food|cat|dög", written)
    assert written == f"[{', '.join(names)}]"
    assert len(names) <= 4


QWEN3_ENTRY = '{"bbox_2d": [1, 20, 30, 100], "label": "cat"}'
TEXTS: dict[str, list[tuple[list[str], int]]] = {
    "florence2": [
        (["<s>"], 0),
        (["<s>", "cat", *["<loc_1>"] * 8, "cat food", *["<loc_2>"] * 4], 3),
    ],
    "qwen3_vl": [
        (["```json\n[]\n```"], 0),
        ([f"```json\n[\n\t{QWEN3_ENTRY},\n\t{QWEN3_ENTRY}\n]\n```"], 2),
    ],
}
SIGNS = [
    "<s>", *QWEN_SIGNS, *(f"<loc_{number}>" for number in range(1000)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "objects"), [(kind, *row) for kind, rows in TEXTS.items() for row in rows])
def test_a_family_writes_so_many_objects_and_no_more(kind: str, text: list[str], objects: int) -> None:
    signs = {sign: 257 + place for place, sign in enumerate(dict.fromkeys(SIGNS))}
    spelling = Spelling(BYTES.texts, {"<end>": 256, **signs}, None, (256,))
    tokenizer = SimpleNamespace(bos_token="<s>")
    family = FAMILIES[kind](SimpleNamespace(tokenizer=tokenizer), spelling)
    ids = [number for part in text for number in ([signs[part]] if part in signs else part.encode())]
    phrases = ["ant", "cat", "cat food"]
    for most in range(1, 4):
        held = Constraint(family.grammar(phrases, (100, 100), most), spelling)
        assert held.accepts(ids) == (objects <= most)
        assert not held.accepts(ids[:-1]) or not ids
    assert spelling.written(ids) == "".join(text)
    assert len(family.read(spelling.written(ids), phrases, (100, 100))) == objects
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
