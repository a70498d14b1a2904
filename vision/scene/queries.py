"""From a reading to the logical query that it asks, built as a tree of `reasoning`'s own nodes.

Every step of what is said becomes one operation: a class, a colour or a relation keeps some of the things, "not" takes
some away, "the largest" and "the second from the left" rank what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from reasoning import Query
from reasoning.errors import QueryError
from reasoning.query.tree import Compare, Complement, Count, Entity, Exists, Intersect, Project, Top, Union
from vision.classes import COCO_SUPERCATEGORIES
from vision.classes.matching import Match, Matcher
from vision.errors import InstructionError
from vision.reading.expressions.adjectives import BOTTOMMOST, LEFTMOST, RIGHTMOST, TOPMOST
from vision.reading.expressions.attachment import readings
from vision.reading.expressions.expressions import ReadExpression, read_expression
from vision.reading.expressions.phrases import (
    Among,
    Amount,
    Colours,
    Core,
    Described,
    Expression,
    Modifier,
    Nearest,
    Ordinal,
    Place,
    Rank,
    Related,
    Same,
    Size,
    Thing,
    Unseen,
)
from vision.scene.graph import KIND, OBJECT
from vision.scene.measures import between_relation, distance_relation
from vision.task import Target

EVERYTHING = Project(KIND, Entity(OBJECT), inverse=True)
"""All objects of a scene, of whatever class."""

MAX_QUERIES = 64
MAX_LENGTH = 10_000
"""Characters of a part of a query: ranks name what they choose among twice, so nested ones grow by powers of two."""

TOO_DEEP = "the expression is nested too deeply; say it in fewer steps"


@dataclass
class ExpressionQuery:
    """A reading as a query, and what reading it so took for granted.

    Attributes:
        query: what is asked.
        objects: the query of the objects that are returned, counted or asked about.
        single: whether a single object is wanted.
        amount: how many objects are wanted, where that is said.
        denied: whether the query's truth value is the opposite of the answer ("are all cars red").
        subject: the query of what must be there for that, or None.
        each: queries of which each must give something, or [] where `query` says it all ("a dog and a cat").
        least: the number that a count must be compared with for the answer, or None.
        unseen: words that couldn't be made part of it.
        loosened: words that were taken in their loose sense.
        choices: how many words have a loose sense.
        notes: what was assumed, one sentence each.
    """

    query: Query = EVERYTHING
    objects: Query = EVERYTHING
    single: bool = False
    amount: int | None = None
    denied: bool = False
    subject: Query | None = None
    each: list[Query] = field(default_factory=list)
    least: Amount | None = None
    unseen: list[str] = field(default_factory=list)
    loosened: list[str] = field(default_factory=list)
    choices: int = 0
    notes: list[str] = field(default_factory=list)


def expression_queries(read: ReadExpression) -> Iterator[ExpressionQuery]:
    """The queries that an expression may mean, the likeliest first, at most `MAX_QUERIES`.

    They are its readings with all words in their strict sense, then with one of them in its loose sense, then all.

    Raises:
        InstructionError: a part cannot stand where it does, or the query would be too deep.
    """
    expressions = list(readings(read.chunks))
    strict = [_query_of(expression, read.matches) for expression in expressions]
    choices = max(query.choices for query in strict)
    levels = [(), *((choice,) for choice in range(choices if choices > 1 else 0)), range(choices)]
    seen: set[Query] = set()
    for level in levels:
        for expression, first in zip(expressions, strict, strict=True):
            query = _query_of(expression, read.matches, level) if level else first
            if query.query not in seen and len(seen) < MAX_QUERIES:
                seen.add(query.query)
                yield query


def expression_classes(text: str, matcher: Matcher) -> tuple[Target, ...] | None:
    """What a detector must look for so that an expression can be grounded.

    Args:
        text: the expression.
        matcher: knows what words mean among the detector's classes.

    Returns:
        One target for each noun that means something else, in order, or None where the expression speaks of things of
        any class ("what is left of the bus?"). Colours are no part of the targets: the scene has them.

    Raises:
        InstructionError: as for `read_expression` and `expression_queries`.
    """
    read = read_expression(text, matcher)
    if any(_speaks_of_everything(query.query) for query in expression_queries(read)):
        return None
    targets: dict[str, Target] = {}
    for match in read.matches.values():
        if match.classes:
            targets.setdefault(match.label, Target(match.label, match.classes))
    return tuple(targets.values())


def _speaks_of_everything(query: Query) -> bool:
    measured = getattr(getattr(query, "relation", None), "sets", ())
    return query == EVERYTHING or any(map(_speaks_of_everything, (*query.children, *measured)))


@cache
def _supercategories() -> dict[tuple[str, ...], str]:
    """All classes of a COCO supercategory to its name, where there are several."""
    members: dict[str, list[str]] = {}
    for name, supercategory in COCO_SUPERCATEGORIES.items():
        members.setdefault(supercategory, []).append(name)
    return {tuple(names): supercategory for supercategory, names in members.items() if len(names) > 1}


def _query_of(
    expression: Expression, matches: Mapping[str, Match], loose: Collection[int] = frozenset()
) -> ExpressionQuery:
    """The query of one reading; `loose` holds the places, among the words with a loose sense, of those taken so."""
    try:
        return _Builder(matches, loose).built(expression)
    except QueryError as error:  # deeper than queries may be
        raise InstructionError(TOO_DEEP) from error


def _amount(core: Core) -> Amount | None:
    return next((adjective for adjective in core.adjectives if isinstance(adjective, Amount)), None)


_ENDS = {"left": LEFTMOST, "right": RIGHTMOST, "top": TOPMOST, "bottom": BOTTOMMOST}


def _both(parts: Sequence[Query]) -> Query:
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Intersect(several)


def _either(parts: Sequence[Query]) -> Query:
    several = tuple(dict.fromkeys(parts))
    return several[0] if len(several) == 1 else Union(several)


def _has(relation: str, word: str) -> Query:
    """The objects that a relation leads from to a word."""
    return Project(relation, Entity(word), inverse=True)


def _end(rank: Rank, amount: int, among: Query) -> Query:
    if amount < 1:
        raise InstructionError("things are counted from 1")
    if len(str(among)) + len(rank.by) > MAX_LENGTH:
        raise InstructionError(TOO_DEEP)
    return Top(amount, rank.by, among, rank.largest)


@dataclass
class _Soft:
    """A place or size that stands for an end of an order where one thing is meant."""

    words: str
    adjective: Place | Size


class _Builder:
    def __init__(self, matches: Mapping[str, Match], loose: Collection[int]) -> None:
        self._matches, self._loose = matches, loose
        self._query = ExpressionQuery()

    def built(self, expression: Expression) -> ExpressionQuery:
        out, thing, question = self._query, expression.thing, expression.question
        out.objects = self._things(thing)
        core = thing.core
        plural = core.plural or bool(thing.joined)
        amount = _amount(core)
        out.amount = None if amount is None else amount.number
        if thing.of is not None and core.generic != "one" and out.amount is None:
            plural = False
        if question == "find" and core.determiner == "no":
            raise InstructionError(f'"{core.span.text}" says what is not wanted; say what is')
        out.single = out.amount == 1 or (not plural and core.determiner not in ("all", "any") and out.amount is None)
        if core.determiner == "what" and core.noun is None:
            out.single = False
        if question == "count":
            out.query = Count(out.objects)
        elif question in ("exists", "check"):
            self._yes_or_no(expression)
        elif question == "colour":
            out.query = Project("colour", out.objects)
        else:
            out.query = out.objects
        return out

    def _yes_or_no(self, expression: Expression) -> None:
        out, determiner = self._query, expression.thing.core.determiner
        if expression.predicates:
            asked = self._filtered([out.objects], expression.predicates, expression.thing, soft=None)
            if len(asked) == 1:
                pass  # nothing of it can be seen, which is said where the answer would hang on it
            elif determiner == "all" or (determiner == "the" and expression.thing.core.plural):
                out.subject = out.objects
                out.objects = _both([out.objects, Complement(_both(asked[1:]))])
                out.denied = True
            else:
                out.objects = _both(asked)
        out.denied ^= determiner == "no"
        thing = expression.thing
        if thing.joined and not thing.either and not (thing.shared and thing.modifiers) and not expression.predicates:
            alone = replace(thing, joined=())
            out.each = [self._things(alone), *(self._things(other, thing.core) for other in thing.joined)]
        amount = None if out.each else _amount(thing.core)
        if amount is not None and (amount.number > 1 or amount.bound) and not out.subject:
            out.least = amount
            out.query = Count(out.objects)
        else:
            out.query = Exists(out.objects)

    def _loosely(self, words: str) -> bool:
        """Whether the next word with a loose sense is taken in it."""
        number = self._query.choices
        self._query.choices += 1
        if number not in self._loose:
            return False
        self._query.loosened.append(words)
        return True

    # Sets -----------------------------------------------------------------------------------------------------------

    def _match(self, core: Core) -> Match | None:
        return None if core.noun is None else self._matches[core.noun]

    def _things(self, thing: Thing, antecedent: Core | None = None) -> Query:
        """The set that a noun phrase names."""
        core = thing.core
        if thing.joined and not thing.shared:
            alone = Thing(core, thing.modifiers, of=thing.of)
            return _either([self._things(alone), *(self._things(other, core) for other in thing.joined)])
        kinds = [self._kind(core, antecedent)]
        soft: list[_Soft] = []
        parts = self._adjectives(core, kinds[0], soft, antecedent)
        if thing.joined:
            parts = [_either([_both(parts), *(self._things(other, core) for other in thing.joined)])]
        if thing.of is not None:
            parts = [*(part for part in parts if part != EVERYTHING), self._things(thing.of)]
        parts = self._filtered(parts, thing.modifiers, thing, soft)
        return self._ranked(parts, thing, soft)

    def _kind(self, core: Core, antecedent: Core | None) -> Query:
        if core.noun is None and core.generic == "one" and antecedent is not None:
            core = antecedent
        match = self._matches["person"] if core.generic == "person" else self._match(core)
        if match is None:
            return EVERYTHING
        supercategory = _supercategories().get(match.classes)
        if supercategory is not None:
            return _has("supercategory", supercategory)
        return _either([_has("class", name) for name in match.classes])

    def _adjectives(self, core: Core, kind: Query, soft: list[_Soft], head: Core | None) -> list[Query]:
        parts = [kind]
        for adjective in core.adjectives:
            if isinstance(adjective, Colours):
                parts.append(self._colours(adjective, every=adjective.every and not core.plural))
            elif isinstance(adjective, Place | Size):
                soft.append(_Soft(core.span.text, adjective))
            elif isinstance(adjective, Unseen) and not (adjective.word == "other" and head is not None):
                # "on top of the other books": nothing stands in a relation to itself, so the others are all.
                self._query.unseen.append(adjective.word)
        return parts

    def _colours(self, colours: Colours, every: bool, negated: bool = False) -> Query:
        # What is not red may have some red in it, but it is of another colour.
        relation = "main_colour" if negated else "partly" if self._loosely(" and ".join(colours.names)) else "colour"
        named = [_has(relation, name) for name in colours.names]
        return _both(named) if every and relation == "colour" else _either(named)

    def _filtered(
        self, parts: list[Query], modifiers: tuple[Modifier, ...], thing: Thing, soft: list[_Soft] | None
    ) -> list[Query]:
        """What is left of a set after what is said of it; places are put off where `soft` gathers them."""
        groups: list[list[Query]] = []
        for modifier in modifiers:
            says = modifier.says
            if soft is not None and not modifier.negated and not modifier.alternative:
                if isinstance(says, Described) and isinstance(says.adjective, Place):
                    soft.append(_Soft(says.span.text, says.adjective))
                    continue
                if isinstance(says, Nearest) or (isinstance(says, Described) and isinstance(says.adjective, Rank)):
                    continue  # an order is taken of what is left in the end
            if isinstance(says, Described) and isinstance(says.adjective, Colours) and modifier.negated:
                kept: Query | None = self._colours(says.adjective, every=False, negated=True)
            else:
                among = _both([*parts, *(_either(group) for group in groups)])
                kept = self._described(says, among, thing, modifier.negated)
            if kept is None:
                continue
            if modifier.negated:
                kept = Complement(kept)
            if modifier.alternative and groups:
                groups[-1].append(kept)
            else:
                groups.append([kept])
        return [*parts, *(_either(group) for group in groups)]

    def _described(
        self, says: Related | Described | Nearest | Among | Same, among: Query, thing: Thing, negated: bool
    ) -> Query | None:
        """The objects of which something holds, among some; None where nothing in a scene shows it."""
        match says:
            case Related():
                return self._related(says, thing.core, negated)
            case Nearest():
                order = self._order(says)
                assert order is not None
                return _end(order, 1, among)
            case Among():
                return self._between(says, among, thing.core)
            case Same():
                return self._things(says.thing, thing.core)
            case Described(Rank() as rank):
                return _end(rank, 1, among)
            case Described(Colours() as colours):
                return self._colours(colours, every=colours.every and not thing.core.plural)
            case Described(Place() | Size() as adjective):
                return self._hard(_Soft(says.span.text, adjective))
            case Described(Unseen() as unseen):
                self._query.unseen.append(unseen.word)
        return None

    def _related(self, says: Related, head: Core, negated: bool) -> Query:
        link, thing = says.link, says.thing
        # Of what is denied the loose sense would deny more, so that even less would fit.
        widened = bool(link.loose) and not (negated or link.negated) and self._loosely(link.name)
        relations = link.loose if widened else link.strict
        if link.seen_only:
            self._query.notes.append(f'"{says.span.text}" was read as touching: boxes show no more of what is done.')
        if thing.joined and not thing.either and not (thing.shared and thing.modifiers):
            alone = Thing(thing.core, thing.modifiers, of=thing.of)
            sets = [self._things(alone, head), *(self._things(other, thing.core) for other in thing.joined)]
        else:
            sets = [self._things(thing, head)]
        related = _both(
            [_either([Project(relation, each, not link.inverse) for relation in relations]) for each in sets]
        )
        return Complement(related) if link.negated else related

    def _between(self, says: Among, among: Query, head: Core) -> Query:
        first = self._things(says.first, head)
        second = None if says.second is None else self._things(says.second, says.first.core)
        return Compare(between_relation(first, second), among, "=", 1)

    # Orders -----------------------------------------------------------------------------------------------------------

    def _order(self, says: Described | Nearest) -> Rank | None:
        if isinstance(says, Nearest):
            return Rank(distance_relation(self._things(says.thing)), says.farthest)
        return says.adjective if isinstance(says.adjective, Rank) else None

    def _ranked(self, parts: list[Query], thing: Thing, soft: list[_Soft]) -> Query:
        core = thing.core
        plural = (core.plural and thing.of is None) or bool(thing.joined)
        counted = _amount(core)
        amount = None if counted is None else counted.number
        ordinal = next((a.number for a in core.adjectives if isinstance(a, Ordinal)), None)
        orders: list[Rank] = [a for a in core.adjectives if isinstance(a, Rank)]
        for modifier in thing.modifiers:
            says = modifier.says
            if not modifier.negated and not modifier.alternative and isinstance(says, Described | Nearest):
                order = self._order(says)
                if order is not None:
                    orders.append(order)
        single = core.determiner in ("the", "", "what") and (not plural or amount is not None)
        hard = [item for item in soft if isinstance(item.adjective, Place) and item.adjective.exact]
        soft = [item for item in soft if item not in hard]
        if ordinal is not None and not orders:
            places = [item for item in soft if isinstance(item.adjective, Place)]
            if not places:
                self._query.notes.append(f'"{core.span.text}" was counted from the left.')
            orders = [places[-1].adjective.rank if places else LEFTMOST]
            soft = [item for item in soft if item not in places[-1:]]
        elif single and soft and not orders:
            loosely = len(soft) > 1 and self._loosely(soft[-1].words)
            chosen = soft[0] if loosely else soft[-1]
            orders = [chosen.adjective.rank]
            soft = [] if loosely else [item for item in soft if item is not chosen]
        for modifier in thing.modifiers:
            says = modifier.says
            if isinstance(says, Related) and says.link.end is not None and not modifier.negated:
                orders.append(_ENDS[says.link.end])
        for item in (*hard, *soft):
            part = self._hard(item)
            if part is not None:
                parts.append(part)
        chosen_among = _both(parts)
        for order in orders:
            chosen_among = self._cut(order, ordinal, amount or 1, chosen_among)
        return chosen_among

    def _cut(self, order: Rank, ordinal: int | None, amount: int, among: Query) -> Query:
        if ordinal is None:
            return _end(order, amount, among)
        if ordinal == -1:
            return _end(Rank(order.by, not order.largest), amount, among)
        if ordinal == 1:
            return _end(order, amount, among)
        return Intersect((_end(order, ordinal, among), Complement(_end(order, ordinal - 1, among))))

    def _hard(self, item: _Soft) -> Query | None:
        """A place or size as a set of its own."""
        if isinstance(item.adjective, Place) and item.adjective.positions:
            return _both([_has("position", name) for name in item.adjective.positions])
        if isinstance(item.adjective, Size) and item.adjective.word in ("small", "medium", "large"):
            return _has("size", item.adjective.word)
        self._query.unseen.append(item.words)
        return None
