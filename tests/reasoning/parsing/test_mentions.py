"""Names in questions, by every way in which people write them."""

import pytest

from reasoning import KnowledgeGraph
from reasoning.parsing.mentions import Mentions
from reasoning.query.read_question import QuestionError

NAMES = (
    "France", "French", "São Tomé", "Euro", "Pound Sterling", "Leeds Office", "Amsterdam Airport Schiphol", "The Who",
    "Kyrgyzstan", "Guinea-Bissau", "St. John's", "copywriting", "Virus", "May", "Simon & Schuster", "Tunisia", "Korea",
    "Springfield", "Springfield (Illinois)", "South Korea", "Spanish Language", "Spain", "hub", "Bus",
)  # fmt: skip
KG = KnowledgeGraph.from_triples([*((name, "is near", "Somewhere") for name in NAMES), ("Oslo", "serves", "Rome")])


@pytest.fixture(scope="module")
def mentions() -> Mentions:
    return Mentions(KG)


def named(mentions: Mentions, question: str) -> list[list[str]]:
    return [[KG.entity_labels[entity] for entity, _ in mention.entities] for mention in mentions.of(question)]


def test_names_are_found_as_people_write_them(mentions: Mentions) -> None:
    for question, expected in {
        "What is near Sao Tome?": [["São Tomé"]], "Is France's neighbour near?": [["France"]],
        "which French things are there": [["French", "France"]], "where do they pay in euros?": [["Euro"]],
        "where are pounds sterling used?": [["Pound Sterling"]], "the Kyrgyz ones": [["Kyrgyzstan"]],
        "what do Tunisians like?": [["Tunisia"]], "who flies to Schiphol?": [["Amsterdam Airport Schiphol"]],
        "who is in the Leeds office?": [["Leeds Office"]], "what does The Who play?": [["The Who"]],
        "who is it that likes it?": [], "who can do copywriting?": [["copywriting"]],
        "which viruses are there?": [["Virus"]],
        "Is Guinea-Bissau near St. John's?": [["Guinea-Bissau"], ["St. John's"]], "what may be near?": [],
        "What is near Gunea-Bissau?": [["Guinea-Bissau"]], "books of Simon & Schuster": [["Simon & Schuster"]],
        "what is near South Korea?": [["South Korea"]], "where is Spanish spoken?": [["Spain", "Spanish Language"]],
        "what serves it?": [], "where can one go from the hub?": [["hub"]], "who comes by bus?": [],
        'what is near "St. John\'s"?': [["St. John's"]],
        "what is near Springfield (Illinois)?": [["Springfield (Illinois)"]],
        'He said "this is far too long for any name in the graph at all". What is near Spain?': [["Spain"]],
    }.items():  # fmt: skip
        assert named(mentions, question) == expected
    assert sorted(named(mentions, "what is near Springfield?")[0]) == ["Springfield", "Springfield (Illinois)"]
    with pytest.raises(QuestionError, match="France"):
        mentions.of("what is near [Frunce land]?")


def test_a_worse_fit_has_less_weight(mentions: Mentions) -> None:
    asked = ("Springfield (Illinois)", "France", "euros", "Leeds", "Gunea-Bissau")
    exact, also, plural, part, slip = (mentions.of(f"what is near {name}?")[0].entities[0][1] for name in asked)
    assert exact == also == 1.0
    assert 1.0 > plural > part
    assert slip < 1.0


def test_quotes_and_brackets_within_a_name_mark_nothing() -> None:
    label = 'Acme "Widgets" [Ltd]'
    kg = KnowledgeGraph.from_triples([("Ada", "works for", label), ("Bo", "works for", "Widgets")])
    for question in (f"Who works for {label}?", f"Who works for [{label}]?"):
        best = max(Mentions(kg).of(question), key=lambda mention: len(mention.text))
        assert kg.entity_labels[best.entities[0][0]] == label


def test_a_common_word_is_a_name_where_it_is_written_as_one() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Go"), ("Ann", "knows", "Will"), ("Ann", "likes", "Rust")])
    for question, named in {
        "Who knows Go?": ["Go"], "Which of the songs did Will write?": ["Will"], "Where does she go?": [],
        "Will it go?": [],
    }.items():  # fmt: skip
        assert [mention.text for mention in Mentions(kg).of(question)] == named


def test_a_slip_may_be_for_any_name_that_is_as_near_and_a_part_for_all_well_known_things(world: KnowledgeGraph) -> None:
    mentions = Mentions(world)
    for written, meant in {
        "austrlia": {"Australia", "Austria"}, "oxqtralia": set(), "frnace": {"France"}, "ausrtalai": {"Australia"},
    }.items():  # fmt: skip
        found = mentions.of(f"what is the capital of {written}?")
        assert {world.name(entity) for mention in found for entity, _ in mention.entities} == meant
    entities = mentions.of("what is the capital of congo?")[0].entities
    expected = {"Democratic Republic of the Congo", "Republic of the Congo"}
    assert {world.entity_labels[entity] for entity, _ in entities} == expected
    assert len({weight for _, weight in entities}) == 1


def test_another_number_or_an_adjective_of_a_place_is_no_slip() -> None:
    kg = KnowledgeGraph.from_triples([(f"Apollo{number}", "has", f"crew {number}") for number in (11, 12, 14)])
    assert not Mentions(kg).of("Who was the crew of Apollo13?")
    kg = KnowledgeGraph.from_triples([("Norwich", "is near", "Oslo"), ("Tunis", "is near", "Somewhere")])
    assert not Mentions(kg).of("Which of the Nordic things are near?")
    assert [mention.text for mention in Mentions(kg).of("What is near Norwitch?")] == ["Norwitch"]
