import random

from reasoning import KnowledgeGraph, Query
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.schema import GraphSchema

TOWNS = {"Springfield (Illinois)": "Illinois", "Springfield (Oregon)": "Oregon", "Salem": "Oregon"}
TRIPLES: list[tuple[str, str, str | int]] = [
    *((town, "state", state) for town, state in TOWNS.items()),
    *((town, "twin", "Salem") for town in TOWNS if town != "Salem"),
    *((town, "founded", 1800 + number) for number, town in enumerate(TOWNS)),
    *((town, "type", "town") for town in TOWNS),
    *((state, "type", "state") for state in ("Illinois", "Oregon")),
]
KG = KnowledgeGraph.from_triples(TRIPLES)
SCHEMA = GraphSchema(KG)


def ids(question: LinkedQuestion) -> dict[str, str]:
    """The ids of the relations, by their words."""
    return {entry.words: letter for entry, letter in zip(question.prompt.schema.relations, "ABC", strict=True)}


def test_what_is_written_of_a_question_is_known_by_its_ids_in_any_order() -> None:
    question = LinkedQuestion.of("Which towns of Oregon were founded after 1801?", SCHEMA)
    state, founded = ids(question)["state"], ids(question)["founded"]
    assert [name.label for name in question.names] == ["Oregon", "1801"]
    for text in (f"{founded}({state}(a)) >b", f"{founded}({state}(a)) > 1801"):
        assert [name.label for name in question.used(text)] == ["Oregon", "1801"]
        assert question.left_out(text) == []
        assert str(question.query(text).query) == 'founded(~state("Oregon")) > 1801'
    assert [name.text for name in question.left_out(f"{state}(a)")] == ["1801"]
    for seed in range(2):
        shuffled = question.shuffled(random.Random(seed))
        assert str(shuffled.query(f"{ids(shuffled)['state']}(a)").query) == '~state("Oregon")'


def test_a_name_is_sure_where_it_is_marked_or_has_a_capital_within_the_question() -> None:
    for question, sure in {
        "Which towns are in Oregon?": ["Oregon"], "which towns are in oregon?": [], "Salem lies in Oregon?": ["Oregon"],
        "[Salem] lies in Oregon?": ["Salem"], "What was founded in 1802?": ["1802"],
    }.items():  # fmt: skip
        linked = LinkedQuestion.of(question, SCHEMA)
        assert [name.label for name in linked.names if linked.is_surely_named(name)] == sure


def test_of_several_things_of_one_name_each_may_stand_for_the_other() -> None:
    question = LinkedQuestion.of("Which state is Springfield in?", SCHEMA)
    written = f"{ids(question)['state']}(a)"
    (first,) = question.used(written)
    (other,) = question.namesakes(first, written)
    assert question.left_out(written) == []
    queries = {str(asked.query(written).query) for asked in (question, question.with_name(first, other))}
    assert queries == {f'state("{town}")' for town in TOWNS if town != "Salem"}
    assert question.namesakes(first, "A(a) |A(b)") == []


def test_relations_that_are_said_and_not_read_are_known() -> None:
    for question, query, unread in (
        ("When was Salem founded, and its twin?", 'founded("Salem")', ("twin",)),
        ("When was the twin of Salem founded?", 'founded(~twin("Salem"))', ()),
        ("When were the twins of Salem founded?", '~twin("Salem")', ("founded",)),
        # A word for a kind of things says no relation, and neither does a name.
        ("Which state is Salem in?", 'twin("Salem")', ()),
        ("Salem", 'twin("Salem")', ()),
    ):
        assert LinkedQuestion.of(question, SCHEMA).unread_relations(Query.parse(query)) == unread
