"""What words mean among a detector's classes, and when they mean none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.classes import (
    COCO_CATEGORY_IDS,
    COCO_CLASSES,
    COCO_SUPERCATEGORIES,
    ClassMatcher,
    Match,
    OpenMatcher,
    normalise,
)
from vision.classes.vocabulary import determined

VOC = {
    "couch": "sofa",
    "tv": "tvmonitor",
    "house plants": "pottedplant",
    "poodle": "dog",
    "potted plants": "pottedplant",
    "motorcycles": "motorbike",
    "ponies": "horse",
    "kittens": "cat",
    "hens": "bird",
}
"""Words to Pascal VOC's names."""


@pytest.fixture(scope="module")
def coco() -> ClassMatcher:
    return ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


def of(supercategory: str) -> tuple[str, ...]:
    return tuple(name for name in COCO_CLASSES if COCO_SUPERCATEGORIES[name] == supercategory)


def test_coco_has_80_classes_in_12_supercategories_with_ids_from_1_to_90_that_rise() -> None:
    assert (len(COCO_CLASSES), len(set(COCO_SUPERCATEGORIES.values()))) == (80, 12)
    ids = [COCO_CATEGORY_IDS[name] for name in COCO_CLASSES]
    assert ids == sorted(set(ids))
    assert (ids[0], ids[-1]) == (1, 90)


@pytest.mark.parametrize(
    "spell", [str.upper, str.title, lambda name: name.replace(" ", "-")], ids=["upper", "title", "-"]
)
def test_a_class_name_means_its_class_however_it_is_spelt(coco: ClassMatcher, spell) -> None:  # type: ignore[no-untyped-def]
    for name in COCO_CLASSES:
        for form in (name, name.replace(" ", ""), f"the {name}", name.replace(" ", "_")):
            assert coco.match(spell(form)).classes == (name,), form


@pytest.mark.parametrize(
    ("phrase", "label"),
    [
        ("Sofas", "sofa"),
        ("people", "person"),
        ("the black cats", "black cat"),
        ("Wine Glasses", "wine glass"),
        ("three knives", "knife"),
        ("every kind of vehicle", "vehicle"),
        ("dogs in the picture", "dog"),
        ("policewomen", "policewoman"),
        ("people on bikes", "person on bikes"),
        ("two-wheelers", "two-wheeler"),
        ("scissors", "scissors"),
        ("reading glasses", "reading glasses"),
        ("cats and dogs", "cat and dog"),
        ("flower vases", "flower vase"),
        ("  ’buses’ ", "bus"),
        ("", ""),
    ],
)
def test_a_label_is_the_phrase_in_lower_case_without_article_its_head_noun_singular(phrase: str, label: str) -> None:
    assert normalise(phrase) == label


@given(st.lists(st.sampled_from(["Dogs", "RED", "the", "of", "two", "in", "-", "knives", "é", "x's"]), max_size=6))
def test_a_label_has_no_capitals_and_single_spaces_whatever_the_words(words: list[str]) -> None:
    label = normalise("  ".join(words))
    assert label == " ".join(label.lower().split())
    assert normalise("  ".join(words).upper()) == label


@pytest.mark.parametrize(
    ("phrase", "classes", "colour"),
    [
        ("the black cats", ("cat",), "black"),
        ("a dark blue car", ("car",), "blue"),
        ("gray horse", ("horse",), "grey"),
        ("red-coloured buses", ("bus",), "red"),
        ("orange cat", ("cat",), "orange"),
        ("black sheep", ("sheep",), "black"),
        ("orange", ("orange",), None),
        ("black bear", ("bear",), None),
        ("golden retriever", ("dog",), None),
        ("black and white cat", ("cat",), None),
        ("orange juice", (), None),
    ],
)
def test_a_basic_colour_is_taken_off_unless_it_is_part_of_a_name(
    coco: ClassMatcher, phrase: str, classes: tuple[str, ...], colour: str | None
) -> None:
    match = coco.match(phrase)
    assert (match.classes, match.colour) == (classes, colour)


@pytest.mark.parametrize(
    ("phrase", "classes"),
    [
        ("dog house", ()),
        ("boathouse", ()),
        ("bus driver", ("person",)),
        ("kitchen knife drawer", ()),
        ("hot dog", ("hot dog",)),
        ("guinea pig", ()),
        ("glasses", ()),
        ("bottle of wine", ("bottle",)),
        ("slices of pizza", ("pizza",)),
        ("herd of cows", ("cow",)),
        ("statue of a horse", ()),
        ("woman with an umbrella", ("person",)),
        ("stuffed rabbit", ("teddy bear",)),
        ("toy car", ()),
        ("beekeeper", ("person",)),
    ],
)
def test_the_head_noun_decides(coco: ClassMatcher, phrase: str, classes: tuple[str, ...]) -> None:
    assert coco.match(phrase).classes == classes


@pytest.mark.parametrize(
    ("phrase", "classes"),
    [
        ("animals", of("animal")),
        ("sports gear", of("sports")),
        ("things you can eat", of("food")),
        ("something edible", of("food")),
        ("objects people sit on", ("bench", "chair", "couch")),
        ("things to drink from", ("wine glass", "cup")),
        ("anything that flies", ("airplane", "bird", "kite")),
        ("animals with stripes", ("zebra",)),
        ("animals that can be ridden", ("horse",)),
        ("cutlery", ("fork", "knife", "spoon")),
        ("kitchen appliances", ("microwave", "oven", "toaster", "refrigerator")),
        ("ruminants", ("sheep", "cow", "giraffe")),
        ("equines and bovines", ("horse", "cow")),
        ("everything", COCO_CLASSES),
    ],
)
def test_a_kind_means_its_members_in_the_order_of_the_vocabulary(
    coco: ClassMatcher, phrase: str, classes: tuple[str, ...]
) -> None:
    assert coco.match(phrase).classes == classes


def test_a_kind_is_marked_and_a_class_is_not(coco: ClassMatcher) -> None:
    assert coco.match("vehicles").is_group
    assert coco.match("things with wheels").is_group
    assert not coco.match("cars").is_group
    assert not coco.match("van").is_group
    assert coco.match("van").classes == ("car", "truck")


@pytest.mark.parametrize(
    "phrase",
    [
        *("limousine", "taxis", "police car", "tesla", "white limousine", "van", "bride", "babies", "men", "child"),
        *("pedestrian", "zookeeper", "limosine", "puppies", "husky puppy", "pandas", "tram", "monitor", "desk"),
    ],
)
def test_a_word_for_a_part_of_what_a_class_counts_is_narrower(coco: ClassMatcher, phrase: str) -> None:
    match = coco.match(phrase)
    assert match.classes and match.narrower


@pytest.mark.parametrize(
    "phrase",
    [
        *("cars", "automobile", "sofa", "bikes", "TV", "telly", "mobile phone", "people", "anybody", "human", "doggy"),
        *("vehicle", "animals", "aircraft", "feline", "phone", "ball", "table", "glass", "red buses", "things to ride"),
    ],
)
def test_a_class_another_name_for_it_and_a_wider_word_are_not_narrower(coco: ClassMatcher, phrase: str) -> None:
    match = coco.match(phrase)
    assert match.classes and not match.narrower


def test_what_is_narrower_depends_on_the_vocabulary() -> None:
    matcher = ClassMatcher(["vehicle", "taxi", "duck"])
    assert [matcher.match(word).narrower for word in ("car", "taxi", "cab", "vehicle", "mallard", "ducks")] == [
        True, False, False, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phrase", "among"),
    [("helicopter", "airplane"), ("lion", "cat"), ("tree", "potted plant"), ("big yellow helicopters", "airplane")],
)
def test_what_has_no_counterpart_is_refused_with_the_nearest_classes(
    coco: ClassMatcher, phrase: str, among: str
) -> None:
    match = coco.match(phrase)
    assert match.classes == ()
    assert among in match.nearest
    assert len(set(match.nearest)) == 3


@pytest.mark.parametrize("phrase", ["flurbleton", "Hubschrauber", "犬", "garden tools"])
def test_what_nothing_speaks_for_is_not_guessed(coco: ClassMatcher, phrase: str) -> None:
    assert coco.match(phrase).classes == ()


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("bycicle", "bicycle"),
        ("ornage", "orange"),
        ("poeple", "person"),
        ("childern", "person"),
        ("remote controll", "remote"),
    ],
)
def test_a_slip_of_the_pen_is_set_right(coco: ClassMatcher, phrase: str, name: str) -> None:
    assert coco.match(phrase).classes == (name,)


@pytest.mark.parametrize("phrase", ["", "  ", "?!"])
def test_nothing_means_nothing(coco: ClassMatcher, phrase: str) -> None:
    assert coco.match(phrase) == Match("", ())


def test_many_phrases_together_mean_what_each_means_alone(coco: ClassMatcher) -> None:
    phrases = ["hoodie", "sofa", "zorgle", "sofa", "the red cars", "vehicles", "wibble wobble"] * 3
    alone = [ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES).match(phrase) for phrase in phrases[:7]]
    assert coco.match_all(phrases) == alone * 3
    assert coco.match_all([]) == []


def test_the_answers_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.classes.matching.MAX_KEPT", 4)
    matcher = ClassMatcher(COCO_CLASSES)
    phrases = ["cars", "dogs", "cats", "sofas", "buses", "cars"]
    assert [match.label for match in matcher.match_all(phrases)] == ["car", "dog", "cat", "sofa", "bus", "car"]
    matcher.match_all(["trains", "cats"])
    assert len(matcher._matches) <= 6


@pytest.mark.parametrize(
    ("phrase", "classes"),
    [
        ("fork-lift trucks", ("forklift",)),
        ("Forklifts", ("forklift",)),
        ("vehicle", ("forklift",)),
        ("wooden pallets", ("pallet",)),
        ("worker", ("person",)),
        ("tin hats", ("hard_hat",)),
        ("bicycle", ()),
        ("dog", ()),
        ("labradoodle", ()),
    ],
)
def test_a_vocabulary_of_the_users_own_is_reached_by_name_word_and_meaning(
    phrase: str, classes: tuple[str, ...]
) -> None:
    assert ClassMatcher(["forklift", "pallet", "person", "hard_hat"]).match(phrase).classes == classes


def test_another_vocabularys_names_for_cocos_classes_are_reached_by_cocos_words() -> None:
    matcher = ClassMatcher(list(VOC.values()))
    for word, name in VOC.items():
        assert matcher.match(word).classes == (name,), word
    assert matcher.match("animals").classes == ("dog", "horse", "cat", "bird")
    assert matcher.match("zebra").classes == ()


def test_names_that_tell_two_meanings_apart_are_both_reached_and_supercategories_are_groups() -> None:
    matcher = ClassMatcher(["bow_(weapon)", "bow_(decorative_ribbons)", "lemon"], {"lemon": "citrus family"})
    assert matcher.match("bows").classes == ("bow_(weapon)", "bow_(decorative_ribbons)")
    assert matcher.match("citrus family") == Match("citrus family", ("lemon",), is_group=True)


def test_a_class_of_coco_means_more_than_its_name_only_where_no_other_class_claims_it() -> None:
    assert ClassMatcher(COCO_CLASSES).match("tumbler").classes == ("cup",)
    assert ClassMatcher(["cup", "drinking glass"]).match("highball glass").classes == ("drinking glass",)


def test_an_open_vocabulary_takes_each_phrase_as_it_is_with_its_colour() -> None:
    matcher = OpenMatcher()
    assert matcher.match("the black cats") == Match("black cat", ("black cat",))
    assert matcher.match("helicopters") == Match("helicopter", ("helicopter",))
    assert matcher.match("Hubschrauber") == Match("hubschrauber", ("hubschrauber",))
    assert matcher.match("") == Match("", ())


def test_an_open_vocabulary_replaces_kinds_that_have_several_members_by_them() -> None:
    matcher = OpenMatcher()
    assert matcher.match("red pets") == Match("red pet", ("red cat", "red dog"), is_group=True)
    assert matcher.match("things you can eat").classes == of("food")
    assert matcher.match("clothes").classes == ("clothes",)
    assert matcher.match_all(["dogs", "pets"]) == [matcher.match("dogs"), matcher.match("pets")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("person right of the car", "Show me the person right of the car!", "the person right of the car"),
        ("the cat", "the cat", "the cat"),
        ("dogs", "all dogs", "all dogs"),
        ("which of the boys is reading", "which of the boys is reading", ""),
        ("red car by the tree", "find red car by the tree", ""),
        ("everything left of the dog", "everything left of the dog", ""),
        ("cat", "of another one", ""),
    ],
)
def test_a_name_is_said_with_its_article_where_it_has_one(name: str, text: str, said: str) -> None:
    assert determined(name, text) == said


@pytest.mark.parametrize("word", ["motorcycler", "keyboarder", "basketballer"])
def test_who_does_something_with_a_thing_is_no_slip_for_it(word: str) -> None:
    assert ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES).match(word).classes == ("person",)
