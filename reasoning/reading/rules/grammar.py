"""The shapes of English questions, whatever the graph: which phrases join, and what they mean together.

A rule takes two neighbouring phrases. "relation of" is a relation that waits for its object; a noun is a set; a
predicate restricts a noun. Costs say how usual a shape is where several fit; what the words and the graph say comes
on top of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from reasoning.reading.linking import Item, Linked
from reasoning.reading.rules.chart import Phrase, Rule
from reasoning.reading.rules.grounding import Grounding
from reasoning.reading.rules.measures import Superlative
from reasoning.reading.rules.predicates import Implied, Objects
from reasoning.reading.rules.shapes.asking import AskingShapes
from reasoning.reading.rules.shapes.clauses import ClauseShapes
from reasoning.reading.rules.shapes.joining import JoiningShapes
from reasoning.reading.rules.shapes.numbers import NumberShapes

_LINKS = ("of", "in", "preposition", "about", "with", "as", "by")
"""Roles of words that join a verb or a noun to what stands behind."""


class Grammar(ClauseShapes, AskingShapes, JoiningShapes, NumberShapes):
    """The rules over one question.

    Args:
        ground: puts relations to the graph.
        linked: the question's words.
    """

    def __init__(self, ground: Grounding, linked: Linked) -> None:
        super().__init__(ground, linked)
        self.rules: dict[tuple[str, str], list[Rule]] = {}
        for prepositions, kind in ((("of",), "relation of"), (("by",), "relation by"), (_LINKS[1:6], "relation in")):
            for word in prepositions:
                self._rule(("relation", word), self._waiting(kind))
        for kinds, rule in (
            (("relation", "type"), self.typed_relation),
            (("relation", "relation"), self.one_relation),
            (("relation of", "noun"), self.noun_of),
            (("relation in", "noun"), self.noun_or_verb),
            (("relation by", "noun"), self.passive),
            (("relation", "noun"), self.verb),
            (("relation", "noun"), self.apposition),
            (("type", "noun"), self.apposition),
            (("relation", "predicate"), self.of_subject),
            (("relation", "predicate"), self.restricted_range),
            (("noun", "possessive"), self.owner),
            (("owner", "relation"), self.owned),
            (("noun", "relation"), self.compound),
            (("noun", "relation"), self.gap),
            (("noun", "relation of"), self.gap),
            (("noun", "relation in"), self.gap),
            (("noun", "relation by"), self.gap_by),
            (("noun", "light"), self.light_gap),
            (("noun", "in"), self.place_of),
            (("noun", "about"), self.light_gap),
            (("type", "relation"), self.parted),
            (("parted", "predicate"), self.completed),
            (("noun", "type"), self.placed),
            (("noun", "predicate"), self.restricted),
            (("noun", "predicate"), self.told_apart),
            (("type", "predicate"), self.restricted_type),
            (("predicate", "type"), self.asked_last),
            (("noun", "type"), self.being),
            (("predicate", "type"), self.reduced),
            (("predicate", "relation"), self.asked_last),
            (("not", "predicate"), self.negated),
            (("not", "noun"), self.negated_noun),
            (("relation", "not noun"), self.verb_not),
            (("type", "noun"), self.had),
            (("noun", "noun"), self.said_to_be),
            (("between", "noun"), self.joined("between noun")),
            (("relation", "between noun"), self.between),
            (("and", "relation in"), self.joined("and relation")),
            (("relation in", "and relation"), self.relations),
            (("not", "relation"), self.joined("not relation")),
            (("and", "not relation"), self.joined("and not relation")),
            (("relation", "and not relation"), self.relations),
            (("predicate", "noun not"), self.gap_not),
            (("type", "one of place"), self.one_in),
            (("in", "noun"), self.joined("one of place")),
            (("with", "one in"), self.joined("one in")),
            (("not", "one in"), self.joined("not noun")),
            (("except", "noun"), self.excepted),
            (("and", "predicate"), self.joined("and predicate")),
            (("or", "predicate"), self.joined("or predicate")),
            (("and", "noun"), self.joined("and noun")),
            (("or", "noun"), self.joined("or noun")),
            (("and", "not noun"), self.joined("and not noun")),
            (("and", "and"), self.joined("and")),
            (("in", "in"), self.joined("in")),
            (("and", "or"), self.joined("or")),
            (("and", "except"), self.joined("except")),
            (("predicate", "and predicate"), self.conjunction),
            (("predicate", "or predicate"), self.conjunction),
            (("predicate", "predicate"), self.conjunction),
            (("noun", "and noun"), self.listed),
            (("noun", "or noun"), self.listed),
            (("predicate", "and noun"), self.elided),
            (("predicate", "or noun"), self.elided),
            (("predicate", "not noun"), self.elided),
            (("predicate", "and not noun"), self.elided),
            (("in", "noun"), self.located),
            (("of", "noun"), self.located),
            (("preposition", "noun"), self.implied),
            (("about", "noun"), self.implied),
            (("by", "noun"), self.implied),
            (("of", "noun"), self.implied),
            (("in", "noun"), self.implied),
            (("light", "noun"), self.implied),
            (("with", "noun"), self.implied_having),
            (("with", "relation"), self.joined("having")),
            (("with", "predicate"), self.with_predicate),
            (("having", "noun"), self.having),
            (("having", "predicate"), self.having_predicate),
            (("noun", "as"), self.joined("noun as", first=True)),
            (("noun as", "relation"), self.as_relation),
            (("share", "relation"), self.joined("sharing")),
            (("same", "relation"), self.joined("sharing")),
            (("co", "relation"), self.joined("co-relation")),
            (("share", "sharing"), self.joined("sharing")),
            (("share", "noun"), self.implied_having),
            (("relation", "together"), self.joined("co-relation", first=True)),
            (("noun", "together"), self.joined("noun", first=True)),
            (("relation", "share"), self.joined("sharing", first=True)),
            (("same", "noun"), self.same_noun),
            (("sharing with", "noun"), self.sharing),
            (("co-relation with", "noun"), self.sharing),
            (("noun", "co-relation"), self.sharing_gap),
            (("noun", "co-relation with"), self.sharing_gap),
            (("noun", "sharing"), self.sharing_gap),
            (("relation by", "predicate"), self.by_same),
            (("in", "predicate"), self.by_same),
            (("in", "predicate"), self.in_which),
            (("light", "predicate"), self.seen_in),
            (("compare", "number"), self.test),
            (("relation", "test"), self.comparison),
            (("relation of", "test"), self.comparison),
            (("having", "test"), self.comparison),
            (("test", "relation"), self.comparison),
            (("with", "test"), self.joined("test")),
            (("relation", "compare noun"), self.measured_than),
            (("degree than", "number"), self.degree_test),
            (("relation in", "number"), self.in_year),
            (("relation", "most"), self.most_of_all),
            (("noun", "test"), self.compared_value),
            (("number", "most"), self.superlative),
            (("most", "most"), self.top_of),
            (("light", "most"), self.most_of_measure),
            (("with", "most"), self.most_of_measure),
            (("ordinal", "most"), self.ordinal),
            (("number", "type"), self.numbered),
            (("numbered type", "predicate"), self.restricted_type),
            (("most", "numbered type"), self.most_numbered),
            (("top", "by measure"), self.top_by),
            (("relation of", "number"), self.equal),
            (("type", "by measure"), self.measured_type),
            (("between", "number"), self.joined("from")),
            (("from", "and"), self.joined("from and", first=True)),
            (("from and", "number"), self.range),
            (("predicate", "xor"), self.exclusive),
            (("and noun", "excepted"), self.excepted_before),
            (("noun", "excepted"), self.excepted_before),
            (("predicate", "excepted"), self.left_out),
            (("type of", "noun"), self.of_name),
            (("light", "predicate"), self.light_test),
            (("in", "predicate"), self.light_test),
            (("light", "test"), self.joined("test")),
            (("test", "relation"), self.measured_test),
            (("in", "best by"), self.joined("best by")),
            (("light", "best by"), self.joined("best by")),
            (("most", "of"), self.joined("most", first=True)),
            (("outside", "noun"), self.outside),
            (("relation", "predicate"), self.by_same),
            (("noun", "about"), self.noun_as),
            (("and", "type"), self.joined("and type")),
            (("or", "type"), self.joined("or type")),
            (("type", "and type"), self.one_type),
            (("type", "or type"), self.one_type),
            (("and", "of"), self.joined("and", first=True)),
            (("not", "light"), self.joined("not", first=True)),
            (("with", "noun"), self.having_some),
            (("not", "noun"), self.having_none),
            (("owner", "most"), self.owned_most),
            (("together", "with"), self.joined("and")),
            (("having", "not noun"), self.having_not),
            (("having", "predicate"), self.having_other),
            (("noun", "and predicate"), self.chosen_among),
            (("many", "relation"), self.how_much),
            (("predicate", "noun"), self.said_before),
            (("relation", "sharing"), self.used_same),
            (("number", "noun"), self.numbered_noun),
            (("numbered noun", "predicate"), self.numbered_most),
            (("degree of", "in"), self.joined("degree of", first=True)),
            (("degree of", "noun"), self.more_of_one),
            (("more of one", "than"), self.joined("more of one than", first=True)),
            (("more of one than", "in"), self.joined("more of one than", first=True)),
            (("more of one than", "noun"), self.more_than_other),
            (("noun", "relation"), self.placed_relation),
            (("owner", "placed relation"), self.owned_placed),
            (("most", "by measure"), self.best_by),
            (("most", "by"), self.joined("most", first=True)),
            (("most", "in"), self.joined("most", first=True)),
            (("noun", "type"), self.of_its_kind),
            (("noun", "relation"), self.is_relation),
            (("noun", "noun"), self.placed_noun),
            (("relation of", "relation"), self.kind_of_relation),
            (("having", "light"), self.having_part),
            (("owned most", "type"), self.owned_best),
            (("owned most", "relation"), self.owned_best),
            (("noun", "degree of"), self.greater_behind),
            (("noun", "degree"), self.greater_behind),
            (("type of", "relation"), self.kind_of_relation),
            (("or", "in"), self.joined("or", first=True)),
            (("and", "in"), self.joined("and", first=True)),
            (("or", "of"), self.joined("or", first=True)),
            (("or", "by"), self.joined("or", first=True)),
            (("with", "not"), self.joined("not")),
            (("not", "relation"), self.lacking),
            (("light", "relation"), self.light_relation),
            (("light", "having"), self.supplied),
            (("light", "noun"), self.joined("supplied noun")),
            (("supplied noun", "having"), self.supplied_to),
            (("in", "relation in"), self.in_relation),
            (("noun", "light"), self.vacuous),
            (("noun", "relation"), self.said_again),
            (("in", "most"), self.most_of_measure),
            (("noun", "compared"), self.compared),
            (("type", "relation"), self.modified),
            (("type", "co-relation"), self.modified),
            (("in", "type"), self.joined("in type")),
            (("predicate", "in type"), self.put_in),
            (("type", "of"), self.joined("type of", first=True)),
            (("type of", "type"), self.type_of_type),
            (("type", "noun"), self.what_it_is),
            (("their", "relation"), self.joined("relation")),
            (("their", "type"), self.joined("type")),
            (("their", "noun"), self.joined("noun")),
            (("relation in", "their"), self.joined("relation their", first=True)),
            (("relation of", "their"), self.joined("relation their", first=True)),
            (("relation their", "type"), self._theirs),
            (("relation", "predicate"), self.of_theirs),
            (("compare", "noun"), self.compare_noun),
            (("compare noun", "by measure"), self.compared_by),
            (("degree", "relation"), self.degree_of),
            (("type", "noun"), self.greater_one),
            (("type", "type"), self.anything),
            (("co", "type"), self.other_type),
            (("degree", "in"), self.joined("degree", first=True)),
            (("degree", "by"), self.joined("degree", first=True)),
            (("degree", "than"), self.joined("degree than", first=True)),
            (("degree of", "than"), self.joined("degree than", first=True)),
            (("degree than", "noun"), self.compare_noun),
            (("with", "compared"), self.joined("compared")),
            (("degree of", "noun"), self.greater_of),
            (("degree", "noun"), self.greater_of),
            (("degree of", "and noun"), self.greater_of),
            (("degree", "and noun"), self.greater_of),
            (("best by", "and noun"), self.greater_of),
            (("and", "xor"), self.joined("xor")),
            (("noun", "not"), self.joined("noun not", first=True)),
            (("and", "relation"), self.joined("and relation")),
            (("or", "relation"), self.joined("or relation")),
            (("relation", "and relation"), self.relations),
            (("relation", "or relation"), self.relations),
            (("relations", "noun"), self.verbs),
            (("noun", "relations"), self.verbs),
            (("or", "preposition"), self.joined("or", first=True)),
            (("or", "about"), self.joined("or", first=True)),
            (("where", "noun"), self.where_clause),
            (("most", "number"), self.superlative),
            (("most", "noun"), self.best),
            (("most", "relation"), self.best_by),
            (("with", "best by"), self.joined("best by")),
            (("by", "relation"), self.joined("by measure")),
            (("noun", "by measure"), self.ranked_by),
            (("many", "noun"), self.counted),
            (("where", "noun"), self.where),
            (("where", "predicate"), self.joined("predicate")),
            (("when", "noun"), self.when),
            (("when", "predicate"), self.when_predicate),
        ):
            self._rule(kinds, rule)
        for kind in ("sharing", "co-relation"):
            for word in _LINKS:
                self._rule((kind, word), self.joined(f"{kind} with", first=True))
        for kinds in (("noun", "relation"), ("noun", "relation of"), ("noun", "relation in"), ("noun", "relation by")):
            self._rule(("noun not", kinds[1]), self._not_gap(self.gap_by if kinds[1] == "relation by" else self.gap))
        for word in ("in", "preposition", "about", "with"):
            self._rule(("having", word), self._waiting("relation in"))
        for word in _LINKS:
            self._rule(("light", word), self.joined("light", first=True))
        self._rule(("light", "compare"), self.joined("light", first=True))  # "fall under"

    def _rule(self, kinds: tuple[str, str], rule: Rule) -> None:
        self.rules.setdefault(kinds, []).append(rule)

    def lexical(self, items: list[Item]) -> Iterator[Phrase]:
        """The phrases that single stretches make."""
        for item in items:
            if item.kind == "entity":
                assert item.mention is not None
                objects = Objects((self.ground.entities(item.mention, item.cost),))
                kind = "owner" if item.value == "owner" else "noun"
                yield Phrase(kind, item.start, item.end, text=item.text, objects=objects, named=True)
            elif item.kind not in ("word", "unsayable"):
                cost = item.cost if item.kind == "light" else 0.0  # of the others the use and the type have it
                yield Phrase(
                    item.kind, item.start, item.end, cost, item.text, use=item.use, type=item.type, value=item.value
                )

    def alone(self, phrase: Phrase) -> Iterator[Phrase]:
        """What a phrase is also by itself."""
        if phrase.kind == "type" and phrase.type is not None and phrase.type.entity is not None:
            reading = self.ground.of_type(phrase.type.entity).at(phrase.type.cost)
            bare = phrase.value != "kinds"  # "kinds of animals" are asked for
            yield self._noun(phrase, [reading], 0.1, bare=bare, type=phrase.type, use=phrase.use)
        elif phrase.kind == "type" and phrase.type is not None and phrase.type.named:
            # "the actors born in London", in a graph where "actor" is what somebody's occupation is
            named = Objects((tuple(self.ground.of_entities(phrase.type.named)),))
            if self._reads(Implied("is", named), None):
                yield self._noun(phrase, Implied("is", named).readings(self.ground, None)[:2])
        elif phrase.kind == "relation" and phrase.use is not None:
            for reading in self.ground.range_of(phrase.use):
                yield self._noun(phrase, [reading.at(0.15)], 0.1, bare=True)
        elif phrase.kind == "most":
            yield self._choice(phrase, self._superlative(phrase, None, 1), 0.05)
        elif phrase.kind == "best by":
            yield self._choice(phrase, cast(Superlative, phrase.value), 0.0)
