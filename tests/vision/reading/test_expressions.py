"""What holds of referring expressions and questions for any words.

How many of a list are read to their queries is measured by `benchmarks/expressions.py`.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_data.errors import SkylarkError
from reasoning import Query
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher, OpenMatcher
from vision.errors import InstructionError
from vision.reading.expressions.adjectives import read_colours, read_region
from vision.reading.expressions.expressions import read_expression
from vision.reading.expressions.grammar import MAX_WORDS, read_chunks
from vision.reading.expressions.links import LINKS, Link
from vision.reading.expressions.phrases import Core
from vision.scene.queries import MAX_QUERIES, expression_classes, expression_queries


@pytest.fixture(scope="module")
def matcher() -> ClassMatcher:
    return ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


def first_query(text: str, matcher: ClassMatcher) -> str:
    return str(next(expression_queries(read_expression(text, matcher))).query)


class TestWording:
    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("The person LEFT of the bus.", "the person left of the bus"),
            ("please show me the person to the left of the bus!", "the person left of the bus"),
            ("person on the left-hand side of the bus", "the person left of the bus"),
            ("the person that's on the left of the bus", "the person left of the bus"),
            ("the person who is left of the bus", "the person left of the bus"),
            ("cars that aren't near any person", "cars that are not near any person"),
            ("automobiles which are not close to anybody", "cars that are not near any person"),
            ("the biggest dog on the couch", "the largest dog on the sofa"),
            ("What's on the table?", "what is on the table"),
            ("what color is the car", "what colour is the car"),
            ("the gray cat", "the grey cat"),
            ("the left-most car", "the leftmost car"),
            ("the car furthest to the left", "the leftmost car"),
            ("the dog's frisbee", "the frisbee held by the dog"),
            ("the cup in the man's hand", "the cup in the hand of the man"),
        ],
    )
    def test_other_words_for_the_same_are_read_alike(self, text: str, same: str, matcher: ClassMatcher) -> None:
        assert first_query(text, matcher) == first_query(same, matcher)

    @pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
    def test_a_link_is_found_in_its_own_name(self, link: Link) -> None:
        chunk = read_chunks(f"the dog {link.name} the cat").rest[0]
        assert chunk.says == link

    @pytest.mark.parametrize(
        ("words", "positions"),
        [
            ("on the left", ("left half",)),
            ("in the top right corner of the picture", ("top half", "right half")),
            ("on the far right", ("right third",)),
            ("in the left half", ("left half",)),
            ("in the middle third of the image", ("middle third",)),
            ("in the center", ("centre",)),
            ("in the foreground", ()),
        ],
    )
    def test_places_in_the_image(self, words: str, positions: tuple[str, ...]) -> None:
        assert read_region(words).positions == positions

    @pytest.mark.parametrize(
        ("words", "names", "every"),
        [
            ("red", ("red",), True),
            ("dark blue", ("blue",), True),
            ("black and white", ("black", "white"), True),
            ("red or light green", ("red", "green"), False),
            ("red, white and blue", ("red", "white", "blue"), True),
            ("silver", ("grey",), True),
        ],
    )
    def test_colours(self, words: str, names: tuple[str, ...], every: bool) -> None:
        colours = read_colours(words)
        assert (colours.names, colours.every) == (names, every)

    def test_an_orange_is_a_fruit_before_nothing_and_a_colour_before_a_noun(self, matcher: ClassMatcher) -> None:
        assert first_query("the orange", matcher) == '~class("orange")'
        assert first_query("the orange cat", matcher) == '~class("cat") & ~colour("orange")'
        assert first_query("the cat that is orange", matcher) == '~class("cat") & ~colour("orange")'
        assert first_query("the orange on the cat", matcher) == '~class("orange") & ~on(~class("cat"))'


class TestReadings:
    def test_what_is_said_last_may_belong_to_anything_before_it(self, matcher: ClassMatcher) -> None:
        read = read_expression("the person near the dog near the bus", matcher)
        assert [str(asked.query) for asked in expression_queries(read)] == [
            '~class("person") & ~near(~class("dog") & ~near(~class("bus")))',
            '~class("person") & ~near(~class("dog")) & ~near(~class("bus"))',
        ]

    def test_a_verbs_number_tells_whom_it_speaks_of(self, matcher: ClassMatcher) -> None:
        assert first_query("cups on the table that are red", matcher) == (
            '~class("cup") & ~on(~class("dining table")) & ~colour("red")'
        )
        assert first_query("cups on the table that is red", matcher) == (
            '~class("cup") & ~on(~class("dining table") & ~colour("red"))'
        )

    def test_links_are_loosened_one_by_one_and_then_all(self, matcher: ClassMatcher) -> None:
        text = "the man holding an umbrella in the car"
        loosened = [tuple(query.loosened) for query in expression_queries(read_expression(text, matcher))]
        assert loosened[0] == ()
        assert {("carrying",), ("inside",)} <= set(loosened)
        assert loosened.index(("carrying", "inside")) > max(loosened.index(("carrying",)), loosened.index(("inside",)))

    def test_what_is_denied_is_not_loosened(self, matcher: ClassMatcher) -> None:
        assert len(list(expression_queries(read_expression("the dog that is not on the couch", matcher)))) == 1

    @pytest.mark.slow
    def test_there_are_never_very_many(self, matcher: ClassMatcher) -> None:
        text = "the dog and the cat " + "on the dog and the cat " * 12
        assert 1 < len(list(expression_queries(read_expression(text, matcher)))) <= MAX_QUERIES


class TestClassesAskedFor:
    def test_each_noun_is_a_target_once(self, matcher: ClassMatcher) -> None:
        targets = expression_classes("the woman on the sofa near a red sofa", matcher)
        assert targets is not None
        assert [(target.label, target.classes, target.colour) for target in targets] == [
            ("woman", ("person",), None),
            ("sofa", ("couch",), None),
        ]

    @pytest.mark.parametrize("text", ["what is left of the bus?", "the largest object", "everything except people"])
    def test_none_stands_for_everything(self, text: str, matcher: ClassMatcher) -> None:
        assert expression_classes(text, matcher) is None

    def test_somebody_is_a_person(self, matcher: ClassMatcher) -> None:
        targets = expression_classes("is anyone on the bench?", matcher)
        assert targets is not None
        assert {name for target in targets for name in target.classes} == {"person", "bench"}

    def test_an_open_vocabulary_is_asked_for_phrases_with_their_adjectives(self) -> None:
        targets = expression_classes("the wooden chair left of the striped cat", OpenMatcher())
        assert targets is not None
        assert [target.label for target in targets] == ["wooden chair", "striped cat"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("", "empty"),
            (" ?! ", "empty"),
            ("the helicopter", '"helicopter" is nothing that this model can detect'),
            ("the person next to the helicopter", '"helicopter"'),
            ("the person wearing a hat", '"hat"'),
            ("the dog red", '"red" does not fit'),
            ("the dog of", 'too early, after "dog of"'),
            ("how many", 'too early, after "how many"'),
            ("left of the dog", '"left of" does not fit'),
            ("the dog the cat", "cat"),
            ("the person whose shirt is red", '"whose shirt is"'),
            ("are there more cats than dogs", '"more cats than"'),
            ("the dog and the person next to it", '"next to it"'),
            ("the dog from the car", '"from the car"'),
            ("the car from the left", "needs a number before it"),
            ("is the dog", "what should hold"),
            ("no dogs", "what is not wanted"),
            ("the 0th dog", "counted from 1"),
            ("what is the dog with in", "in"),
            ("find the dog <script>", '"<script>"'),
            ("der Hund liegt auf dem Sofa", "cannot be read as one kind of thing"),
            ("dog " * (MAX_WORDS + 1), f"more than {MAX_WORDS} words"),
            ("x" * 100_000, f"more than {MAX_WORDS} words"),
            ("the second dog left of " * 15 + "the cat", "nested too deeply"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, text: str, part: str, matcher: ClassMatcher) -> None:
        with pytest.raises(InstructionError) as caught:
            next(expression_queries(read_expression(text, matcher)))
        assert part in str(caught.value)

    def test_a_word_that_is_not_detectable_is_told_with_the_nearest(self, matcher: ClassMatcher) -> None:
        with pytest.raises(InstructionError, match='nearest that it can are "airplane"'):
            read_expression("a helicopter", matcher)


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "the a dog cats person bus red black largest second two left right of on next to near between and or not that "
        "is are how many what who with without holding in top corner from , ? 's all any no nearest farthest except",
    )
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_words_give_queries_that_print_and_parse_or_an_error_of_our_own(text: str) -> None:
    try:
        read = read_expression(text, _MATCHER)
        queries = [asked.query for asked in expression_queries(read)]
    except InstructionError:
        return
    assert queries
    for query in queries:
        assert Query.parse(str(query)) == query


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_chunks_or_an_error_of_our_own(text: str) -> None:
    try:
        chunks = read_chunks(text)
    except SkylarkError:
        return
    assert isinstance(chunks.first, Core)


_MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)
