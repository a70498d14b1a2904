"""Queries and steps in English, so that a person can check what was understood.

A step has the earlier answers put in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reasoning.graph.content import ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.names import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundStep
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    It,
    Measure,
    Measured,
    NameStarts,
    Negative,
    Number,
    Project,
    Query,
    Today,
    Top,
    Union,
)
from reasoning.verbalization.words import (
    base_form,
    comparison_words,
    done_when,
    extreme_words,
    is_past,
    plural,
    readable,
    tells_time,
    with_article,
)

PREPOSITIONS = frozenset({"by", "in", "of", "to", "at", "from", "on", "for", "with"})
"""A label that ends in one is read as what something is: "directed by", "member of"."""

VERBS = frozenset(
    {"borders", "serves", "affects", "causes", "treats", "prevents", "diagnoses", "disrupts", "exhibits", "performs"}
    | {"likes", "dislikes", "loves", "hates", "owns", "employs", "inhibits", "activates", "knows", "teaches", "follows"}
    | {"requires", "supports", "includes", "precedes", "speaks", "smells of", "consists of", "dies of"}
    | {"mentors", "coaches", "boycotts", "beats", "leads", "plays", "sells", "buys", "writes", "directs", "funds"}
    | {"sponsors", "supervises", "advises", "trains", "hires", "admires", "visits", "attends", "helps", "hosts"}
    | {"reads", "drives", "wears", "eats", "drinks", "cites", "invites", "sues", "acquires", "founds", "develops"}
    | {"publishes", "translates", "edits", "recommends", "blocks", "attacks", "defeats", "imports", "regulates"}
    | {"targets", "binds", "needs", "lives in", "works for", "works in", "plays for", "plays in"}
    | {"produces", "manages", "uses", "indicates", "complicates", "contains", "measures", "assesses", "carries out"}
)
"""Labels that are read as verbs; any other one word that ends in s may be a plural noun."""

_EMPTY_FIRST = ("has ", "have ", "in ")
"""What says nothing in front of a noun: "has genre" is the genre of a movie, "in language" its language."""

_PLACES = {
    2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth", 10: "tenth",
}  # fmt: skip

_SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}

_TYPE = frozenset({"is a", "isa"})

TYPE_WORDS = frozenset({"type", "instance of", *_TYPE})
"""Labels of relations that tell types."""


def verbalise(query: Query, kg: KnowledgeGraph | None = None) -> str:
    """The query as a noun phrase, or a question for `count` and `exists`; see `Query.verbalise`."""
    if isinstance(query, Count | Exists):
        there_is = "how many there are" if isinstance(query, Count) else "whether there is any"
        if isinstance(query.part, Project) and _column(query.part, kg) is not None:
            words = relation_words(query.part.relation, kg)
            return f"{there_is} with a value for {words} among: {verbalise(query.part.source, kg)}"
        return f"{there_is} of: {verbalise(query.part, kg)}"
    if isinstance(query, Number):
        return number_words(query, kg)
    if isinstance(query, Entity):
        return entity_words(query, kg)
    if isinstance(query, It):
        return "it"
    if query.is_everything:
        return "everything"
    if isinstance(query, Project):
        words = relation_words(query.relation, kg)
        words, inverse = direction(query, kg, words)
        if query.source.is_everything:
            return f"everything {having_phrase(words)}" if inverse else forward_phrase(words, "anything")
        source = verbalise(query.source, kg)
        if inverse:
            one_of = "" if isinstance(query.source, Entity | It) else "one of: "
            return f"everything {inverse_phrase(words, one_of + source)}"
        if isinstance(query.source, Entity | It):
            return forward_phrase(words, source)
        return forward_phrase(words, f"each of ({source})" if goes_on(words) else f"each of: {source}")
    if isinstance(query, Complement):
        return f"everything except {_grouped(query.part, verbalise(query.part, kg))}"
    if isinstance(query, Union):
        return " or ".join([_grouped(part, verbalise(part, kg)) for part in query.parts])
    if isinstance(query, Intersect):
        return _intersection(query, kg)
    if isinstance(query, Compare):
        return _comparison(query, kg)
    if isinstance(query, Every):
        words, inverse = direction(query, kg, relation_words(query.relation, kg))
        one_of = "" if isinstance(query.source, Entity) or query.source.is_everything else "every one of: "
        source = f"{one_of}{verbalise(query.source, kg)}"
        return f"everything {led_from_phrase(words, source) if inverse else inverse_phrase(words, source)}"
    if isinstance(query, NameStarts) and query.source.is_everything:
        return f'everything whose name begins with "{query.prefix}"'
    if isinstance(query, NameStarts):
        return f'those of {_grouped(query.source, verbalise(query.source, kg))} whose name begins with "{query.prefix}"'
    if isinstance(query, Measured):
        assert isinstance(query.measure, Measure)
        return f"{number_words(query.measure.number, kg)} for each of: {verbalise(query.source, kg)}"
    if not isinstance(query, Top):
        return str(query)  # an input of a step, by its number
    rank = extreme_words(query.largest, _column(query, kg))
    number = "one" if query.k == 1 else f"{query.k:,}"
    source = _grouped(query.source, verbalise(query.source, kg))
    label = measure_words(query.measure, kg)
    if (place := place_of(query)) is not None and isinstance(query.source, Top):
        source = _grouped(query.source.source, verbalise(query.source.source, kg))
        rank = extreme_words(query.source.largest, _column(query, kg))
        return f"the one with the {place} {rank} {label} among {source}"
    if chooses_among_all(query, kg):
        source = "everything"
    return f"the {number} with the {rank} {label} among {source}"


def led_from_phrase(words: str, source: str) -> str:
    """What is told of whatever a relation leads to: "that X borders", "that is the capital of X"."""
    return f"that {source} {words}" if is_verb(words) else f"that is the {noun_words(words)} of {source}"


def _comparison(query: Compare, kg: KnowledgeGraph | None) -> str:
    clause = f"whose {measure_words(query.measure, kg)} is {tested_words(query, kg)}"
    if chooses_among_all(query, kg):
        return f"everything {clause}"
    source, text = query.source, verbalise(query.source, kg)
    if isinstance(source, Project) and is_short(source) and text.startswith("everything "):
        return f"{text} and {clause}"
    return f"those of {_grouped(source, text)} {clause}"


def tested_words(query: Compare, kg: KnowledgeGraph | None) -> str:
    """What is said of a number that passes a comparison: "above 1,000,000", "above the population of Spain"."""
    value = number_words(query.value, kg) if isinstance(query.value, Query) else query.value
    return comparison_words(query.operator, value, _column(query, kg))


def measure_words(measure: str | Measure, kg: KnowledgeGraph | None) -> str:
    """A measure as a noun: "population", "number of languages", "its population divided by its area"."""
    if isinstance(measure, str):
        return value_label(measure, kg)
    return number_words(measure.number, kg).removeprefix("the ")


def number_words(number: Query, kg: KnowledgeGraph | None) -> str:
    """A number as a noun phrase: "the number of languages of Belgium", "the sum of the population of: ..."."""
    if isinstance(number, Constant):
        return readable(number.value)
    if isinstance(number, Today):
        return "today"
    if isinstance(number, Negative):
        return f"minus {_bracketed_number(number.part, kg)}"
    if isinstance(number, Arithmetic):
        left, right = _bracketed_number(number.left, kg), _bracketed_number(number.right, kg)
        return f"{left} {_SIGNS[number.sign]} {right}"
    if isinstance(number, Count):
        return f"the number of {_counted(number.part, kg)}"
    if isinstance(number, Aggregate):
        measure = number.measure
        measured = f"the {value_label(measure, kg)}" if isinstance(measure, str) else number_words(measure.number, kg)
        label = f"{number.kind} of {measured}"
        joint = "over" if isinstance(number.source, It) else "over:"
        return f"the {label} {joint} {verbalise(number.source, kg)}"
    if isinstance(number, Project) and isinstance(number.source, It):
        return f"its {value_label(number.relation, kg)}"
    if isinstance(number, Project) and isinstance(number.source, Entity):
        return f"the {value_label(number.relation, kg)} of {entity_words(number.source, kg)}"
    if isinstance(number, Project):
        return f"the {value_label(number.relation, kg)} of: {verbalise(number.source, kg)}"
    return str(number)  # an input of a step, by its number


def _bracketed_number(number: Query, kg: KnowledgeGraph | None) -> str:
    words = number_words(number, kg)
    return f"({words})" if isinstance(number, Arithmetic) else words


def _counted(part: Query, kg: KnowledgeGraph | None) -> str:
    """What is counted for a member, as a plural where the query says of which kind: "its languages", "airports ..."."""
    if isinstance(part, Project) and isinstance(part.source, It):
        words, inverse = direction(part, kg, relation_words(part.relation, kg))
        if not inverse and not goes_on(words):
            return f"its {plural(noun_words(words))}"
        return f"things {_things_clause(words)}" if inverse else forward_phrase(words, "it")
    if isinstance(part, Intersect):
        typed = [p for p in part.parts if isinstance(p, Project) and isinstance(p.source, Entity) and _is_type(p, kg)]
        rest = [p for p in part.parts if p not in typed]
        clauses = [_clause_of_it(p, kg) for p in rest]
        if len(typed) == 1 and all(clauses) and isinstance(typed[0].source, Entity):
            return f"{plural(entity_words(typed[0].source, kg))} {' and '.join(clauses)}"
    return f"{verbalise(part, kg)}"


def _things_clause(words: str) -> str:
    """What is told of several that a relation leads from to the member: "that border it", "whose country is it"."""
    if is_verb(words):
        return f"that {base_form(words)} it"
    return f"that are {words} it" if ends_in_preposition(words) else f"whose {noun_words(words)} is it"


def _is_type(part: Project, kg: KnowledgeGraph | None) -> bool:
    words, inverse = direction(part, kg, relation_words(part.relation, kg))
    return inverse and (words in _TYPE or words == "type")


def _clause_of_it(part: Query, kg: KnowledgeGraph | None) -> str:
    """ "whose country is it", for what is counted among things of a kind; "" where there is none."""
    if not isinstance(part, Project) or not isinstance(part.source, It):
        return ""
    words, inverse = direction(part, kg, relation_words(part.relation, kg))
    if inverse:
        return _things_clause(words)
    return f"that it {words}" if is_verb(words) else f"among {forward_phrase(words, 'it')}"


def place_of(query: Top) -> str | None:
    """ "second" for the smallest of the two largest, else None."""
    inner = query.source
    nested = isinstance(inner, Top) and inner.measure == query.measure and inner.largest != query.largest
    return _PLACES.get(inner.k) if nested and query.k == 1 and isinstance(inner, Top) else None


def chooses_among_all(query: Compare | Top, kg: KnowledgeGraph | None) -> bool:
    """Whether it chooses among everything, or all but one entity that has no value."""
    source = query.source
    if source.is_everything:
        return True
    if (
        kg is None
        or query.relation is None
        or not isinstance(source, Complement)
        or not isinstance(source.part, Entity)
    ):
        return False
    column = kg.column(query.relation)
    return column is not None and source.part.index(kg) not in column.entities


def value_label(relation: str, kg: KnowledgeGraph | None) -> str:
    """A relation with values as a noun: "area", and "year founded" of "founded"."""
    label = noun_words(relation_words(relation, kg))
    column = None if kg is None else kg.column(relation)
    if column is None or not tells_time(column):
        return label
    done = done_when(label)
    return f"{column.kind} {done}" if done else label


def _intersection(query: Intersect, kg: KnowledgeGraph | None) -> str:
    """What it is, then what else holds of it: "what France borders and whose currency is Euro"."""
    parts = telling(query)
    kept = [part for part in parts if not isinstance(part, Complement)]
    dropped = [part.part for part in parts if isinstance(part, Complement)]
    kept.sort(key=lambda part: _clause(part, kg) is not None)
    whole = bool(kept) and _clause(kept[0], kg) is None
    text = _grouped(kept[0], verbalise(kept[0], kg)) if whole else "everything"
    clauses = [_clause(part, kg) or f"that is also {_grouped(part, verbalise(part, kg))}" for part in kept[whole:]]
    but = [_clause(part, kg, "not ") or f"not {_grouped(part, verbalise(part, kg))}" for part in dropped]
    for number, clause in enumerate(clauses):
        joined = bool(number) or (whole and clause.startswith(("whose", "that has")))
        text += f" and {clause}" if joined else f" {clause}"
    return text + "".join([f", but {clause}" for clause in but])


def telling(query: Intersect) -> list[Query]:
    """The parts of an intersection that leave something out."""
    return [part for part in query.parts if not part.is_everything]


def _clause(part: Query, kg: KnowledgeGraph | None, negation: str = "") -> str | None:
    """An inverse projection from one entity as a relative clause, "whose currency is not Euro"; None for the rest.

    From everything it is "that has a currency" or "that has no currency".
    """
    if not isinstance(part, Project) or not is_short(part):
        return None
    words, inverse = direction(part, kg, relation_words(part.relation, kg))
    if not inverse or goes_on(words):
        return None
    if not isinstance(part.source, Entity):
        return f"that has no {noun_words(words)}" if negation else having_phrase(words)
    return f"whose {noun_words(words)} is {negation}{entity_words(part.source, kg)}"


def forward_phrase(words: str, source: str) -> str:
    """What a relation leads to: "the capital of France", "what France borders", "what X is located in"."""
    if is_verb(words):
        return f"what {source} {words}"
    return f"what {source} is {words}" if ends_in_preposition(words) else f"the {noun_words(words)} of {source}"


def inverse_phrase(words: str, target: str) -> str:
    """What is told of whatever a relation leads from: "whose capital is Paris", "that borders France"."""
    if is_verb(words):
        return f"that {words} {target}"
    return f"that is {words} {target}" if ends_in_preposition(words) else f"whose {noun_words(words)} is {target}"


def having_phrase(words: str) -> str:
    """What is told of whatever a relation leads from: "that has a capital", "that borders something"."""
    if goes_on(words) and words not in TYPE_WORDS:
        return inverse_phrase(words, "something")
    return f"that has {with_article(thing_words(words))}"


def goes_on(words: str) -> bool:
    """Whether a forward phrase goes on behind what it is said of: "what X borders", unlike "the capital of X"."""
    return is_verb(words) or ends_in_preposition(words)


def is_verb(words: str) -> bool:
    """Whether a label is a verb in the third person, as it is known or seen: "borders", "interacts with"."""
    first, _, rest = words.partition(" ")
    seen = rest != "of" and rest in PREPOSITIONS and first.endswith("s") and not first.endswith(("ss", "is", "us"))
    return words in VERBS or is_past(words) or (seen and len(first) > 3)


def ends_in_preposition(words: str) -> bool:
    """Whether a label tells what something is: "located in"."""
    return words.split(" ")[-1] in PREPOSITIONS


def noun_words(words: str) -> str:
    """A label that is a noun, without an empty word before it: "has genre" is "genre"; and "is a" tells the type."""
    if words in _TYPE:
        return "type"
    for empty in _EMPTY_FIRST:
        if words.startswith(empty) and not ends_in_preposition(words):
            return words.removeprefix(empty)
    return words


def thing_words(words: str) -> str:
    """What a relation leads to, as a noun: "capital", and "type" of "instance of"."""
    return "type" if words in TYPE_WORDS else noun_words(words)


def entity_words(entity: Entity, kg: KnowledgeGraph | None) -> str:
    """The anchor's name, looked up where only an id is given."""
    return entity.name if kg is None else kg.name(entity.index(kg))


def relation_words(relation: str, kg: KnowledgeGraph | None = None) -> str:
    """A relation's label as words: the last part of a path, underscores and camel case parted."""
    return label_words(relation if kg is None else kg.label(kg.relation(relation)))


def direction(query: Project | Every, kg: KnowledgeGraph | None, words: str) -> tuple[str, bool]:
    """A projection's label without the mark of a twin, and whether it leads backwards."""
    if kg is None:
        twin = words.endswith(" reverse")
        return words.removesuffix(" reverse"), query.inverse != twin
    return words, query.inverse != kg.relation(query.relation).inverse


def _grouped(query: Query, text: str) -> str:
    """The text in brackets where what follows could be taken to belong to its last part."""
    return text if isinstance(query, Entity) or is_short(query) else f"({text})"


def is_short(query: Query) -> bool:
    """Whether its words need no brackets: "what France borders", "everything that has a capital", "everything"."""
    if isinstance(query, Project):
        return isinstance(query.source, Entity) or query.source.is_everything
    return query.is_everything


def _column(query: Project | Compare | Top, kg: KnowledgeGraph | None) -> ValueColumn | None:
    return None if kg is None or query.relation is None else kg.column(query.relation)


MOST_NAMES = 5


def sub_question(kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids]) -> str:
    """E.g. "What is the capital of France, Spain and 3 more?"; long sets are cut with their size told."""
    sets = [_set(kg, members) for members in inputs]
    operation, relation = step.step.operation, step.relation
    words = "" if relation is None else label_words(kg.label(relation))
    if operation == "project":
        assert relation is not None
        everything = len(inputs[0]) == kg.universe_size
        if relation.inverse:
            return f"What is there {having_phrase(words) if everything else inverse_phrase(words, sets[0])}?"
        phrase = forward_phrase(words, "anything" if everything else sets[0])
        return f"What is {phrase}?".replace("What is what ", "What is it that ", 1)
    if operation == "intersect":
        return f"What do {' and '.join(f'({part})' for part in sets)} have in common?"
    if operation == "union":
        return f"What is in any of {' or '.join(f'({part})' for part in sets)}?"
    if operation == "difference" and (step.inputs[0], step.anchors[0]) == (step.inputs[1], step.anchors[1]):
        return f"What is at once in ({sets[0]}) and not in it?"
    if operation == "difference":
        return f"What of ({sets[0]}) is not in ({sets[1]})?"
    if operation == "complement" and not len(inputs[0]):
        return "What is there at all?"
    if operation == "complement":
        return f"What is not in ({sets[0]})?"
    if operation == "count":
        return f"How many are in ({sets[0]})?"
    if operation == "exists":
        return f"Is there anything in ({sets[0]})?"
    if operation == "every":
        assert relation is not None
        source = f"every one of ({sets[0]})"
        return f"What is there {led_from_phrase(words, source) if relation.inverse else inverse_phrase(words, source)}?"
    if operation == "name_starts":
        return f'Which of ({sets[0]}) have a name that begins with "{step.step.prefix}"?'
    if step.step.formula is not None:
        formula = number_words(step.step.formula, kg)
        words = re.sub(r"#(\d+)", lambda place: _input(step, sets, int(place[1]) - 1), formula)
    elif relation is not None:
        words = f"the {words}"
    if operation == "number":
        return f"What is {words}?"
    if operation == "measure":
        return f"What is {words} for each of ({sets[0]})?"
    if operation == "aggregate":
        return f"What is the {step.step.kind} of {words} over ({sets[0]})?"
    column = None if relation is None else kg.literals[relation.index]
    if operation == "compare":
        assert step.step.operator is not None
        value = step.step.value if step.step.value is not None else _input(step, sets, len(sets) - 1)
        return f"For which of ({sets[0]}) is {words} {comparison_words(step.step.operator, value, column)}?"
    which, have = ("one", "has") if step.step.k == 1 else (f"{step.step.k:,}", "have")
    extreme = f"{extreme_words(step.step.largest, column)} {words.removeprefix('the ')}"
    return f"Which {which} of ({sets[0]}) {have} the {extreme}?"


def _input(step: BoundStep, sets: Sequence[str], place: int) -> str:
    ref = step.inputs[place]
    return f"the result of step {ref + 1}" if place in step.number_places and ref is not None else f"({sets[place]})"


def _set(kg: KnowledgeGraph, members: Ids) -> str:
    if not len(members):
        return "nothing"
    if len(members) == kg.universe_size:
        return "everything"
    shown = ", ".join(kg.name(int(entity)) for entity in members[:MOST_NAMES])
    rest = len(members) - MOST_NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown
