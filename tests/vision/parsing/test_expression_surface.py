import random
from typing import Any

import pytest

from reasoning import Query
from reasoning.lm.constraint import Constraint
from reasoning.lm.generation import WriterTokens
from training.instructions import FOLDER, VIDEO_LIST, ExpressionVariations, read_expressions, sentence_of
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.errors import InstructionError
from vision.parsing.expression_codec import expression_grammar, read_back, written
from vision.parsing.expression_reader import Meanings
from vision.parsing.prompt import Sentence, TextPrompt, same_things

MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


def entry(expression: str, query: str, **more: Any) -> dict[str, Any]:
    return {"expression": expression, "question": "find", "wanted": "one", "query": query, **more}


@pytest.mark.parametrize(
    ("listed", "words", "text"),
    [
        (entry("the man left of the red bus",
               '~class("person") & ~left_of(~class("bus") & ~colour("red"))'),
         {"person": ["man"], "bus": ["bus"], "red": ["red"]}, " one man & left( bus & red)"),
        (entry("cars that are not near any person", '~class("car") & !~near(~class("person"))', wanted="all"),
         {"car": ["cars"], "person": ["person"]}, " all cars & ! near( person)"),
        (entry("the desk that the cup is on", '~class("dining table") & on(~class("cup"))'),
         {"dining table": ["desk"], "cup": ["cup"]}, " one desk & ~ on( cup)"),
        (entry("the second largest dog", 'top(2, area, ~class("dog")) & !top(1, area, ~class("dog"))'),
         {"dog": ["dog"]}, " one largest #2( dog)"),
        (entry("the two cups nearest to the laptop",
               'bottom(2, "distance to ~class(\\"laptop\\")", ~class("cup"))', wanted="2"),
         {"laptop": ["laptop"], "cup": ["cups"]}, " 2 nearest 2( cups, laptop)"),
        (entry("how many fruits are on the left",
               'count((~class("banana") | ~class("apple") | ~class("orange")) & ~position("left half"))',
               question="count", wanted="all"),
         {"banana": ["fruits"], "apple": ["fruits"], "orange": ["fruits"]}, " count ( fruits) & place( left half)"),
        (entry("are all cars red?", 'exists(~class("car") & !~colour("red"))', question="check", denied=True),
         {"car": ["cars"], "red": ["red"]}, " denied cars & ! red"),
        (entry("are there at least two dogs", 'count(~class("dog"))', question="exists", bound=[">=", 2]),
         {"dog": ["dogs"]}, " least 2 dogs"),
        (entry("what is between the cat and the dog",
               '"between ~class(\\"cat\\") and ~class(\\"dog\\")"(~kind("object")) = 1', question="what", wanted="all"),
         {"cat": ["cat"], "dog": ["dog"]}, " what all between( cat, dog)"),
        (entry("what colour is the bus", 'colour(~class("bus"))', question="colour"), {"bus": ["bus"]},
         " colour one bus"),
        (entry("where is everything", '~kind("object")', question="where", wanted="all"), {}, " where all *"),
        (entry("small dogs", '~class("dog") & ~size("small")', wanted="all"), {"dog": ["dogs"]},
         " all dogs & size( small)"),
    ],
)  # fmt: skip
def test_a_sentence_is_written_in_few_pieces_and_read_back(
    listed: dict[str, Any], words: dict[str, list[str]], text: str
) -> None:
    sentence = sentence_of(listed)
    assert "".join(written(sentence, words, TextPrompt(listed["expression"]))) == text
    assert read_back(text, Meanings(MATCHER).of) == sentence


def test_what_words_mean_is_asked_of_the_matcher() -> None:
    meanings = Meanings(MATCHER)
    sentence = read_back(" all red vehicles & near( someone)", meanings.of)
    assert sentence.things == Query.parse('(~supercategory("vehicle") & ~colour("red")) & ~near(~class("person"))')
    assert set(meanings.matches) == {"red vehicles", "someone"}
    with pytest.raises(InstructionError, match='no class for "helicopter"; nearest: '):
        read_back(" one helicopter", meanings.of)


def test_what_is_no_sentence_is_refused() -> None:
    meanings = Meanings(MATCHER)
    for text in (
        " one", " left( dog)", " one dog &", " one dog)", " one place( dog)", " one largest 0( dog)", " one ( dog"
    ):  # fmt: skip
        with pytest.raises((InstructionError, ValueError)):
            read_back(text, meanings.of)
    with pytest.raises(InstructionError, match="too deeply"):
        read_back(" one" + " near(" * 500 + " dog" + ")" * 500, meanings.of)


def test_every_sentence_of_the_written_lists_is_one_that_the_grammar_allows(tokens: WriterTokens) -> None:
    lists = [path for path in sorted(FOLDER.glob("*.jsonl")) if not path.name.endswith(VIDEO_LIST)]
    expressions = read_expressions(lists)
    assert len(expressions) >= 600
    variations, rng = ExpressionVariations(expressions), random.Random(0)
    for one in rng.sample(expressions, 60):
        other = variations.sample(one, rng)
        prompt = TextPrompt(other.text)
        try:
            pieces = written(other.sentence, other.words, prompt)
        except InstructionError:  # "non-red" is a word
            continue
        constraint = Constraint(expression_grammar(prompt, tokens.piece), tokens.spelling)
        assert constraint.accepts(tokens.reply(pieces).tolist()), other.text
        assert not constraint.accepts(tokens.reply([" one", " Napoleon"]).tolist())


def test_a_sentence_says_what_is_run() -> None:
    dogs = Query.parse('~class("dog")')
    for sentence, query in (
        (Sentence("count", None, dogs), 'count(~class("dog"))'),
        (Sentence("exists", None, dogs, denied=True), 'exists(~class("dog"))'),
        (Sentence("exists", None, dogs, bound=(">=", 2)), 'count(~class("dog"))'),
        (Sentence("colour", 1, dogs), 'colour(~class("dog"))'),
        (Sentence("where", 1, dogs), '~class("dog")'),
    ):
        assert str(sentence.query) == query
    listed = {"question": "check", "wanted": "all", "query": 'count(~class("dog"))'}
    bounds = {">": (">=", 5), "<": ("<=", 3), "=": ("=", 4)}
    assert {sign: sentence_of({**listed, "bound": [sign, 4]}).bound for sign in bounds} == bounds


def test_what_a_thing_overlaps_is_what_overlaps_with_it() -> None:
    for one, other, same in (
        ('overlapping(~class("person"))', '~overlapping(~class("person"))', True),
        ('left_of(~class("person"))', '~right_of(~class("person"))', True),
        ('left_of(~class("person"))', '~left_of(~class("person"))', False),
        ('~class("cup") & contains(~class("dog"))', '~class("cup") & ~inside(~class("dog"))', True),
        ('on(~class("person"))', '~on(~class("person"))', False),
    ):
        assert (same_things(Query.parse(one)) == same_things(Query.parse(other))) is same
