from __future__ import annotations

import random
from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.lark.prompts import AbstractNaming
from reasoning.lm import EmbeddedChatModel
from reasoning.lm.constraint import Choices, ListGrammar
from reasoning.lm.local_weights import load_local_model
from tests.reasoning.tiny_models import tiny_model

END = 0


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def grammar(names: list[str]) -> ListGrammar:
    return ListGrammar(Choices(tuple(names), "none"), letters, [END])


@pytest.mark.parametrize(
    ("written", "following"),
    [
        ("", "en"),
        ("n", "o"),
        ("none", "\0"),
        ("e", "12"),
        ("e1", "23"),
        ("e12", "\0,"),
        ("e12,", " "),
        ("e12, e", "12"),
        ("e12, e1", "3"),
        ("e12, e13, e21", "\0"),
    ],
)
def test_what_may_follow(written: str, following: str) -> None:
    allowed = grammar(["e12", "e13", "e21"]).allowed(letters(written))
    assert "".join(map(chr, allowed)) == following


def test_every_reply_that_it_lets_through_is_read_and_names_nothing_twice() -> None:
    rng = random.Random(0)
    naming = AbstractNaming(range(12), [], rng)
    assert naming.choices is not None
    held = grammar(list(naming.choices.names))
    lengths = set()
    for _ in range(200):
        written: list[int] = []
        while (token := rng.choice(held.allowed(written))) != END:
            written.append(token)
        reply = "".join(map(chr, written))
        members = naming.read(reply)
        assert len(members) == (0 if reply == "none" else reply.count(",") + 1)
        lengths.add(len(members))
    assert {0, 1, 12} & lengths and len(lengths) > 4


@pytest.mark.slow
def test_a_model_of_random_weights_is_held_to_the_context(tmp_path: Path) -> None:
    """Without the grammar its replies are noise, so that every step fails."""
    llm = EmbeddedChatModel(source=str(tiny_model(tmp_path / "tiny")))
    graph = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "r", "c"), ("b", "s", "d"), ("c", "s", "a")])
    query = Query.parse('r("a")')
    free = Reasoner(graph, llm=llm, options=LarkOptions(constrained=False, repairs=0)).answer(query)
    held = Reasoner(graph, llm=llm, options=LarkOptions(repairs=0)).answer(query)
    assert free.error is not None
    assert held.error is None and set(held.entities) <= {"a", "b", "c", "d"}
    local = load_local_model(llm.source)
    assert held.steps[0].attempts[0].usage.output_tokens <= len(local.encode("e1, e2, e3, e4, ")) + 1
