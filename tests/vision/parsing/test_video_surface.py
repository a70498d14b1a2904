"""Sentences about videos: written in pieces, read back, held to their grammar; pictures know nothing of them."""

import random
from typing import Any

import pytest

from reasoning import Query
from reasoning.lm.constraint import Constraint
from reasoning.lm.generation import WriterTokens
from tests.vision.video.made_tracks import MATCHER
from training.instructions import FOLDER, VIDEO_LIST, ExpressionVariations, read_expressions, sentence_of
from vision.errors import InstructionError
from vision.parsing.expression_codec import (
    events_meant,
    expression_grammar,
    is_of_events,
    kind_of_event,
    read_back,
    tracks_meant,
    written,
)
from vision.parsing.expression_reader import Meanings, beginning
from vision.parsing.prompt import PICTURE, VIDEO, Sentence, TextPrompt

LISTS = sorted(FOLDER.glob(f"*{VIDEO_LIST}"))


def entry(expression: str, query: str, **more: Any) -> dict[str, Any]:
    return {"expression": expression, "question": "find", "wanted": "one", "query": query, **more}


@pytest.mark.parametrize(
    ("listed", "words", "text"),
    [
        (entry("the car that overtakes the bus", '~class("car") & ~overtakes(~class("bus"))'),
         {"car": ["car"], "bus": ["bus"]}, " one car & overtakes( bus)"),
        (entry("the suitcase that the man carries", '~class("suitcase") & carries(~class("person"))'),
         {"suitcase": ["suitcase"], "person": ["man"]}, " one suitcase & ~ carries( man)"),
        (entry("every dog that enters from the left", '~class("dog") & of(~kind("enters") & ~side("left"))',
               wanted="all"),
         {"dog": ["dog"]}, " all dog & enters( left)"),
        (entry("people who enter before the dog leaves",
               '~class("person") & of(~kind("enters") & ~before(~kind("leaves") & ~of(~class("dog"))))', wanted="all"),
         {"person": ["people"], "dog": ["dog"]}, " all people & enters before( dog & leaves)"),
        (entry("people who leave after the dog",
               '~class("person") & of(~kind("leaves") & before(~kind("appears") & ~of(~class("dog"))))', wanted="all"),
         {"person": ["people"], "dog": ["dog"]}, " all people & leaves after( dog)"),
        (entry("the cup on the table while the cat moves",
               '~class("cup") & of(~kind("on") & ~with(~class("dining table")) & '
               '~during(~kind("moves") & ~of(~class("cat"))))'),
         {"cup": ["cup"], "dining table": ["table"], "cat": ["cat"]}, " one cup & on( table) while( cat & moves)"),
        (entry("what the man carried after the bus stopped",
               'with(~kind("carries") & ~of(~class("person")) & before(~kind("stops") & ~of(~class("bus"))))'),
         {"person": ["man"], "bus": ["bus"]}, " one ~ carries( man) after( bus & stops)"),
        (entry("the first car to leave", 'of(bottom(1, start, ~kind("leaves") & ~of(~class("car"))))'),
         {"car": ["car"]}, " one earliest 1( car & leaves)"),
        (entry("the second car to leave",
               'of(bottom(2, start, ~kind("leaves") & ~of(~class("car"))) & '
               '!bottom(1, start, ~kind("leaves") & ~of(~class("car"))))'),
         {"car": ["car"]}, " one earliest #2( car & leaves)"),
        (entry("the fastest of the cars", 'top(1, speed, ~class("car"))'), {"car": ["cars"]}, " one fastest 1( cars)"),
        (entry("dogs that never stop", '~class("dog") & !of(~kind("stops"))', wanted="all"),
         {"dog": ["dogs"]}, " all dogs & ! stops"),
        (entry("when does the dog enter?", '~kind("enters") & ~of(~class("dog"))', question="when"),
         {"dog": ["dog"]}, " when dog & enters"),
        (entry("when is the man with the tie near the dog?",
               '~kind("near") & ~of(~class("person") & ~contains(~class("tie"))) & ~with(~class("dog"))',
               question="when"),
         {"person": ["man"], "tie": ["tie"], "dog": ["dog"]}, " when man & contains( tie) & near( dog)"),
        (entry("when is the dog seen", '~kind("appears") & ~of(~class("dog"))', question="when"),
         {"dog": ["dog"]}, " when dog"),
        (entry("when is the dog that leaves seen", '~kind("appears") & ~of(~class("dog") & of(~kind("leaves")))',
               question="when"),
         {"dog": ["dog"]}, " when dog & leaves & appears"),
        (entry("when does the first dog leave",
               'bottom(1, start, ~kind("leaves") & ~of(~class("dog")))', question="when"),
         {"dog": ["dog"]}, " when earliest 1( dog & leaves)"),
        (entry("how long does the red car stop", '~kind("stops") & ~of(~class("car") & ~colour("red"))',
               question="long"),
         {"car": ["car"], "red": ["red"]}, " long car & red & stops"),
        (entry("which way does the dog go", 'side(~kind("moves") & ~of(~class("dog")))', question="way"),
         {"dog": ["dog"]}, " way dog & moves"),
        (entry("how many times does the ball cross to the right",
               'count(~kind("crosses") & ~side("right") & ~of(~class("sports ball")))', question="count", wanted="all"),
         {"sports ball": ["ball"]}, " times ball & crosses( right)"),
        (entry("how many cars cross", 'count(~class("car") & of(~kind("crosses")))', question="count", wanted="all"),
         {"car": ["cars"]}, " count cars & crosses"),
        (entry("do all dogs leave", 'exists(~class("dog") & !of(~kind("leaves")))', question="check", denied=True),
         {"dog": ["dogs"]}, " denied dogs & ! leaves"),
        (entry("when does she peel the cucumber", '~kind("action") & ~kind("peel cucumber")', question="when"),
         {"peel cucumber": ["peel the cucumber"]}, " when doing( peel the cucumber)"),
        (entry("what does she do after she peels the cucumber",
               'bottom(1, start, ~kind("action") & before(~kind("action") & ~kind("peel cucumber")))', question="what"),
         {"peel cucumber": ["peels the cucumber"]}, " what one earliest 1( doing after( doing( peels the cucumber)))"),
        (entry("is the man near while she peels the cucumber",
               '~class("person") & of(~kind("near") & ~during(~kind("action") & ~kind("peel cucumber")))',
               question="check"),
         {"person": ["man"], "peel cucumber": ["peels the cucumber"]},
         " exists man & near( *) while( doing( peels the cucumber))"),
    ],
)  # fmt: skip
def test_a_sentence_is_written_in_few_pieces_and_read_back(
    listed: dict[str, Any], words: dict[str, list[str]], text: str
) -> None:
    sentence = sentence_of(listed)
    assert "".join(written(sentence, words, TextPrompt(listed["expression"]), VIDEO)) == text
    meanings = Meanings(MATCHER, ("peel cucumber", "cut tomato"))
    assert read_back(text, meanings.of, VIDEO, meanings.action) == sentence


@pytest.mark.parametrize(
    ("query", "other"),
    [
        # The first to leave is the one whose leaving comes first, however that is written.
        ('bottom(1, start, ~class("car") & of(~kind("leaves")))',
         'of(bottom(1, start, ~kind("leaves") & ~of(~class("car"))))'),
        ('top(1, end, ~class("car") & of(~kind("leaves")))', 'of(top(1, start, ~kind("leaves") & ~of(~class("car"))))'),
        # A relation without times is the plain one.
        ('of(~kind("near") & ~of(~class("car")) & ~with(~class("dog")))', '~class("car") & ~near(~class("dog"))'),
        ('with(~kind("carries") & ~of(~class("person")))', 'carries(~class("person"))'),
        ('of(~kind("stops") & ~of(~class("car")))', '~class("car") & of(~kind("stops"))'),
    ],
)  # fmt: skip
def test_other_forms_of_the_same_are_written_alike(query: str, other: str) -> None:
    pieces = []
    for text in (query, other):
        words = {"car": ["car"], "dog": ["dog"], "person": ["man"]}
        pieces.append(written(Sentence("find", 1, Query.parse(text)), words, TextPrompt("car dog man"), VIDEO))
    assert pieces[0] == pieces[1]
    assert read_back("".join(pieces[0]), Meanings(MATCHER).of, VIDEO).things == Query.parse(other)


def test_the_events_of_tracks_are_said_by_these_tracks() -> None:
    for tracks in (
        '~class("dog")', '~class("dog") & of(~kind("leaves"))', '~class("dog") & ~near(~class("cat"))',
        'of(~kind("moves") & ~side("left"))', '~class("dog") & carries(~class("person"))',
        '~class("dog") & of(~kind("near") & ~with(~class("cat")) & before(~kind("stops")))',
    ):  # fmt: skip
        events = events_meant(Query.parse(tracks))
        assert is_of_events(events) and not is_of_events(Query.parse(tracks))
        assert events_meant(tracks_meant(events)) == events


def test_what_is_no_sentence_is_refused() -> None:
    for text in (
        " one dog & enters( upwards)", " one dog & stops( left)", " one dog & near( cat) before", " when", " times",
        " one dog & before( cat)", " one dog & enters before( dog", " one dog & after( cat & leaves)",
    ):  # fmt: skip
        with pytest.raises(InstructionError):
            read_back(text, Meanings(MATCHER).of, VIDEO)
    with pytest.raises(InstructionError, match="too deeply"):
        read_back(" one dog & enters" + " before( dog & leaves" * 300 + ")" * 300, Meanings(MATCHER).of, VIDEO)
    # A word that only begins like a happening is a name.
    assert read_back(" one stop sign", Meanings(MATCHER).of, VIDEO).things == Query.parse('~class("stop sign")')


def test_actions_are_named_by_the_nearest_label() -> None:
    meanings = Meanings(MATCHER, ("peel_cucumber", "cut_cucumber", "add_oil"))
    assert meanings.action("peeling the cucumber") == "peel_cucumber"
    assert meanings.action("cuts the cucumber") == "cut_cucumber"
    assert Meanings(MATCHER, ("serve salad", "mix", "mix dressing")).action("mixing his dressing") == "mix dressing"
    with pytest.raises(InstructionError, match='no action is like "dances"; there are: peel_cucumber'):
        meanings.action("dances")
    with pytest.raises(InstructionError, match="was not divided into actions"):
        Meanings(MATCHER).action("peels the cucumber")


def test_pictures_know_nothing_of_what_happens() -> None:
    assert beginning(PICTURE) == "Expressions about a picture, and the things that they mean.\n"
    assert beginning(VIDEO) == "Expressions about a video, and the things that they mean.\n"
    with pytest.raises(InstructionError):
        read_back(" one dog & near( cat) before( cat)", Meanings(MATCHER).of)
    leaves = entry("the dog that leaves", '~class("dog") & of(~kind("leaves"))')
    for asked, said in ((leaves, "no piece says"), ({**leaves, "question": "when"}, "no piece asks 'when' of a pict")):
        with pytest.raises(InstructionError, match=said):
            written(sentence_of(asked), {"dog": ["dog"]}, TextPrompt("the dog that leaves"))
    about_pictures = expression_grammar(TextPrompt("the dog that leaves"), lambda piece: [len(piece)])
    assert "happening" not in about_pictures and "time" not in about_pictures


def test_every_sentence_of_the_written_lists_is_one_that_the_grammar_allows(tokens: WriterTokens) -> None:
    expressions = read_expressions(LISTS)
    assert len(expressions) >= 600
    variations, rng = ExpressionVariations(expressions), random.Random(0)
    for one in expressions:
        written(one.sentence, one.words, TextPrompt(one.text), VIDEO)
    for one in rng.sample(expressions, 20):
        other = variations.sample(one, rng)
        prompt = TextPrompt(other.text)
        pieces = written(other.sentence, other.words, prompt, VIDEO)
        constraint = Constraint(expression_grammar(prompt, tokens.piece, VIDEO), tokens.spelling)
        assert constraint.accepts(tokens.reply(pieces).tolist()), other.text
        assert not constraint.accepts(tokens.reply([" one", " Napoleon"]).tolist())
        back = read_back("".join(pieces), kind_of_event, VIDEO)
        assert (back.question, back.wanted) == (other.sentence.question, other.sentence.wanted)


def test_an_action_is_exchanged_for_one_that_is_said_in_the_same_form() -> None:
    expressions = read_expressions([path for path in LISTS if path.name.startswith("actions")])
    variations, rng = ExpressionVariations(expressions), random.Random(0)
    one = next(one for one in expressions if one.text == "what does she do after she peels the cucumber?")
    drawn = {variations.sample(one, rng).text.rstrip("?") for _ in range(60)}
    assert len(drawn) > 5
    assert all(text.lower().startswith("what does she do after she ") for text in drawn)
    assert all(text.split()[6].endswith("s") for text in drawn)
