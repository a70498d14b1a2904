"""What words mean among a detector's classes, and when they mean none."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.classes import COCO_CATEGORY_IDS, COCO_CLASSES, ClassMatcher, Match, OpenMatcher, normalise
from vision.classes import COCO_SUPERCATEGORIES as SUPER
from vision.classes.vocabulary import determined

COCO = ClassMatcher(COCO_CLASSES, SUPER)


def of(supercategory: str) -> tuple[str, ...]:
    return tuple(name for name in COCO_CLASSES if SUPER[name] == supercategory)


def check(matcher: ClassMatcher, meant: dict[str, str | tuple[str, ...]]) -> None:
    """What phrases mean to a matcher: one class, several, or none."""
    for phrase, classes in meant.items():
        expected = classes if isinstance(classes, tuple) else tuple(filter(None, [classes]))
        assert matcher.match(phrase).classes == expected, phrase


def test_coco_has_80_classes_in_12_supercategories_with_ids_from_1_to_90_that_rise() -> None:
    assert (len(COCO_CLASSES), len(set(SUPER.values()))) == (80, 12)
    ids = [COCO_CATEGORY_IDS[name] for name in COCO_CLASSES]
    assert ids == sorted(set(ids)) and (ids[0], ids[-1]) == (1, 90)


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda name: name.replace(" ", "-")])
def test_a_class_name_means_its_class_however_it_is_spelt(spell: Callable[[str], str]) -> None:
    for name in COCO_CLASSES:
        for form in (name, name.replace(" ", ""), f"the {name}", name.replace(" ", "_")):
            assert COCO.match(spell(form)).classes == (name,), form


LABELS = {
    "Sofas": "sofa", "people": "person", "the black cats": "black cat", "Wine Glasses": "wine glass",
    "three knives": "knife", "every kind of vehicle": "vehicle", "dogs in the picture": "dog",
    "policewomen": "policewoman", "people on bikes": "person on bikes", "two-wheelers": "two-wheeler",
    "scissors": "scissors", "reading glasses": "reading glasses", "cats and dogs": "cat and dog",
    "flower vases": "flower vase", "  ’buses’ ": "bus", "": "",
}  # fmt: skip


def test_a_label_is_the_phrase_in_lower_case_without_article_its_head_noun_singular() -> None:
    assert {phrase: normalise(phrase) for phrase in LABELS} == LABELS


@given(st.lists(st.sampled_from(["Dogs", "RED", "the", "of", "two", "in", "-", "knives", "é", "x's"]), max_size=6))
def test_a_label_has_no_capitals_and_single_spaces_whatever_the_words(words: list[str]) -> None:
    label = normalise("  ".join(words))
    assert label == " ".join(label.lower().split())
    assert normalise("  ".join(words).upper()) == label


COLOURED = {
    "the black cats": ("cat", "black"), "a dark blue car": ("car", "blue"), "gray horse": ("horse", "grey"),
    "red-coloured buses": ("bus", "red"), "orange cat": ("cat", "orange"), "black sheep": ("sheep", "black"),
    "orange": ("orange", None), "black bear": ("bear", None), "golden retriever": ("dog", None),
    "black and white cat": ("cat", None), "orange juice": ("", None),
}  # fmt: skip


def test_a_basic_colour_is_taken_off_unless_it_is_part_of_a_name() -> None:
    check(COCO, {phrase: name for phrase, (name, _) in COLOURED.items()})
    assert {phrase: COCO.match(phrase).colour for phrase in COLOURED} == {
        phrase: colour for phrase, (_, colour) in COLOURED.items()
    }


def test_the_head_noun_decides() -> None:
    check(COCO, {
        "dog house": "", "boathouse": "", "bus driver": "person", "kitchen knife drawer": "", "hot dog": "hot dog",
        "guinea pig": "", "glasses": "", "bottle of wine": "bottle", "slices of pizza": "pizza", "herd of cows": "cow",
        "statue of a horse": "", "woman with an umbrella": "person", "stuffed rabbit": "teddy bear", "toy car": "",
        "beekeeper": "person",
    })  # fmt: skip


def test_a_kind_means_its_members_in_the_order_of_the_vocabulary() -> None:
    check(COCO, {
        "animals": of("animal"), "sports gear": of("sports"), "things you can eat": of("food"),
        "something edible": of("food"), "objects people sit on": ("bench", "chair", "couch"),
        "things to drink from": ("wine glass", "cup"), "anything that flies": ("airplane", "bird", "kite"),
        "animals with stripes": "zebra", "animals that can be ridden": "horse", "cutlery": ("fork", "knife", "spoon"),
        "kitchen appliances": ("microwave", "oven", "toaster", "refrigerator"),
        "ruminants": ("sheep", "cow", "giraffe"), "equines and bovines": ("horse", "cow"), "everything": COCO_CLASSES,
    })  # fmt: skip


def test_a_kind_is_marked_and_a_class_is_not() -> None:
    groups = {"vehicles": True, "things with wheels": True, "cars": False, "van": False}
    assert {phrase: COCO.match(phrase).is_group for phrase in groups} == groups
    check(COCO, {"van": ("car", "truck")})


NARROWER = [
    *("limousine", "taxis", "police car", "tesla", "white limousine", "van", "bride", "babies", "men", "child"),
    *("pedestrian", "zookeeper", "limosine", "puppies", "husky puppy", "pandas", "tram", "monitor", "desk"),
]
NOT_NARROWER = [
    *("cars", "automobile", "sofa", "bikes", "TV", "telly", "mobile phone", "people", "anybody", "human", "doggy"),
    *("vehicle", "animals", "aircraft", "feline", "phone", "ball", "table", "glass", "red buses", "things to ride"),
]


def test_a_word_for_a_part_of_what_a_class_counts_is_narrower_and_another_or_wider_one_is_not() -> None:
    for phrases, narrower in ((NARROWER, True), (NOT_NARROWER, False)):
        for phrase in phrases:
            match = COCO.match(phrase)
            assert match.classes and bool(match.narrower) == narrower, phrase
    matcher = ClassMatcher(["vehicle", "taxi", "duck"])
    among = {"car": True, "taxi": False, "cab": False, "vehicle": False, "mallard": True, "ducks": False}
    assert {word: matcher.match(word).narrower for word in among} == among, "it depends on the vocabulary"


def test_what_has_no_counterpart_is_refused_with_the_nearest_classes() -> None:
    nearest = {"helicopter": "airplane", "lion": "cat", "tree": "potted plant", "big yellow helicopters": "airplane"}
    for phrase, among in nearest.items():
        match = COCO.match(phrase)
        assert match.classes == () and among in match.nearest and len(set(match.nearest)) == 3


def test_what_nothing_speaks_for_is_not_guessed_and_a_slip_of_the_pen_is_set_right() -> None:
    check(COCO, dict.fromkeys(["flurbleton", "Hubschrauber", "犬", "garden tools"], ""))
    check(COCO, {"bycicle": "bicycle", "ornage": "orange", "poeple": "person", "childern": "person",
                 "remote controll": "remote"})  # fmt: skip
    # Who does something with a thing is no slip for it.
    check(COCO, dict.fromkeys(["motorcycler", "keyboarder", "basketballer"], "person"))
    assert {COCO.match(phrase) for phrase in ("", "  ", "?!")} == {Match("", ())}


def test_many_phrases_together_mean_what_each_means_alone() -> None:
    phrases = ["hoodie", "sofa", "zorgle", "sofa", "the red cars", "vehicles", "wibble wobble"] * 3
    alone = [ClassMatcher(COCO_CLASSES, SUPER).match(phrase) for phrase in phrases[:7]]
    assert COCO.match_all(phrases) == alone * 3 and COCO.match_all([]) == []


def test_the_answers_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.classes.matching.MAX_KEPT", 4)
    matcher = ClassMatcher(COCO_CLASSES)
    phrases = ["cars", "dogs", "cats", "sofas", "buses", "cars"]
    assert [match.label for match in matcher.match_all(phrases)] == ["car", "dog", "cat", "sofa", "bus", "car"]
    matcher.match_all(["trains", "cats"])
    assert len(matcher._matches) <= 6


def test_a_vocabulary_of_another_kind_is_reached_by_name_word_and_meaning() -> None:
    check(ClassMatcher(["forklift", "pallet", "person", "hard_hat"]), {
        "fork-lift trucks": "forklift", "Forklifts": "forklift", "vehicle": "forklift", "wooden pallets": "pallet",
        "worker": "person", "tin hats": "hard_hat", "bicycle": "", "dog": "", "labradoodle": "",
    })  # fmt: skip
    voc: dict[str, str | tuple[str, ...]] = {
        "couch": "sofa", "tv": "tvmonitor", "house plants": "pottedplant", "poodle": "dog",
        "potted plants": "pottedplant", "motorcycles": "motorbike", "ponies": "horse", "kittens": "cat", "hens": "bird",
    }  # fmt: skip
    matcher = ClassMatcher([str(name) for name in voc.values()])
    check(matcher, voc | {"animals": ("dog", "horse", "cat", "bird"), "zebra": ""})
    # Names that tell two meanings apart are both reached, and supercategories are groups.
    matcher = ClassMatcher(["bow_(weapon)", "bow_(decorative_ribbons)", "lemon"], {"lemon": "citrus family"})
    check(matcher, {"bows": ("bow_(weapon)", "bow_(decorative_ribbons)")})
    assert matcher.match("citrus family") == Match("citrus family", ("lemon",), is_group=True)
    # A class of COCO means more than its name only where no other class claims it.
    check(ClassMatcher(COCO_CLASSES), {"tumbler": "cup"})
    check(ClassMatcher(["cup", "drinking glass"]), {"highball glass": "drinking glass"})


def test_an_open_vocabulary_takes_each_phrase_as_it_is_and_replaces_kinds_by_their_members() -> None:
    matcher = OpenMatcher()
    alone = {"the black cats": "black cat", "helicopters": "helicopter", "Hubschrauber": "hubschrauber"}
    assert [matcher.match(phrase) for phrase in alone] == [Match(label, (label,)) for label in alone.values()]
    assert matcher.match("") == Match("", ())
    assert matcher.match("red pets") == Match("red pet", ("red cat", "red dog"), is_group=True)
    assert matcher.match("things you can eat").classes == of("food")
    assert matcher.match("clothes").classes == ("clothes",)
    assert matcher.match_all(["dogs", "pets"]) == [matcher.match("dogs"), matcher.match("pets")]


def test_a_name_is_said_with_its_article_where_it_has_one() -> None:
    for name, text, said in (
        ("person right of the car", "Show me the person right of the car!", "the person right of the car"),
        ("the cat", "the cat", "the cat"),
        ("dogs", "all dogs", "all dogs"),
        ("which of the boys is reading", "which of the boys is reading", ""),
        ("red car by the tree", "find red car by the tree", ""),
        ("everything left of the dog", "everything left of the dog", ""),
        ("cat", "of another one", ""),
    ):
        assert determined(name, text) == said
