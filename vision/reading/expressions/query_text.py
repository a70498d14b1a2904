"""From a reading to the logical query that it asks, in the grammar that `Query.parse` reads.

Every step of what is said becomes one operation: a class, a colour or a relation keeps some of the things, "not" takes
some away, "the largest" and "the second from the left" rank what is left.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from vision.classes.matching import Match
from vision.errors import InstructionError
from vision.reading.expressions.adjectives import BOTTOMMOST, LEFTMOST, RIGHTMOST, TOPMOST
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

EVERYTHING = '~kind("object")'


MAX_LENGTH = 10_000
"""Characters of a part of a query: ranks name what they choose among twice, so nested ones grow by powers of two."""

Loose = Collection[int]


@dataclass
class QueryText:
    """A reading as a query, and what reading it so took for granted.

    Attributes:
        text: the query.
        objects: the query of the objects that are returned, counted or asked about.
        one: whether a single object is wanted.
        amount: how many objects are wanted, where that is said.
        denied: whether the query's truth value is the opposite of the answer ("are all cars red").
        subject: the query of what must be there for that, or "".
        each: queries of which each must give something, or [] where `text` says it all ("a dog and a cat").
        least: the number that a count must be compared with for the answer, or None.
        unseen: words that couldn't be made part of it.
        loosened: words that were taken in their loose sense.
        choices: how many words have a loose sense.
        notes: what was assumed, one sentence each.
    """

    text: str = ""
    objects: str = ""
    one: bool = False
    amount: int | None = None
    denied: bool = False
    subject: str = ""
    each: list[str] = field(default_factory=list)
    least: Amount | None = None
    unseen: list[str] = field(default_factory=list)
    loosened: list[str] = field(default_factory=list)
    choices: int = 0
    notes: list[str] = field(default_factory=list)


def write_query(
    expression: Expression, matches: Mapping[str, Match], groups: Mapping[str, str], loose: Loose = frozenset()
) -> QueryText:
    """The query of a reading.

    Args:
        expression: the reading.
        matches: what each noun means.
        groups: classes of a whole group, joined by newlines, to the supercategory that stands for them.
        loose: which words are taken in their loose sense, by their order among those that have one.
    """
    return _Writer(matches, groups, loose).written(expression)


def _amount(core: Core) -> Amount | None:
    return next((adjective for adjective in core.adjectives if isinstance(adjective, Amount)), None)


_ENDS = {"left": LEFTMOST, "right": RIGHTMOST, "top": TOPMOST, "bottom": BOTTOMMOST}


def _both(parts: list[str]) -> str:
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 else f"({' & '.join(parts)})"


def _either(parts: list[str]) -> str:
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def _has(relation: str, word: str) -> str:
    return f"~{relation}({json.dumps(word, ensure_ascii=False)})"


def _end(rank: Rank, amount: int, among: str) -> str:
    if amount < 1:
        raise InstructionError("things are counted from 1")
    if len(among) + len(rank.by) > MAX_LENGTH:
        raise InstructionError("the expression is nested too deeply; say it in fewer steps")
    return f"{'top' if rank.largest else 'bottom'}({amount}, {rank.by}, {among})"


@dataclass
class _Soft:
    """A place or size that stands for an end of an order where one thing is meant."""

    words: str
    adjective: Place | Size


class _Writer:
    def __init__(self, matches: Mapping[str, Match], groups: Mapping[str, str], loose: Loose) -> None:
        self._matches, self._groups, self._loose = matches, groups, loose
        self._written = QueryText()

    def written(self, expression: Expression) -> QueryText:
        out, thing, question = self._written, expression.thing, expression.question
        out.objects = self._things(thing)
        core = thing.core
        plural = core.plural or bool(thing.joined)
        amount = _amount(core)
        out.amount = None if amount is None else amount.number
        if thing.of is not None and core.generic != "one" and out.amount is None:
            plural = False
        if question == "find" and core.determiner == "no":
            raise InstructionError(f'"{core.span.text}" says what is not wanted; say what is')
        out.one = out.amount == 1 or (not plural and core.determiner not in ("all", "any") and out.amount is None)
        if core.determiner == "what" and core.noun is None:
            out.one = False
        if question == "count":
            out.text = f"count({out.objects})"
        elif question in ("exists", "check"):
            self._yes_or_no(expression)
        elif question == "colour":
            out.text = f"colour({out.objects})"
        else:
            out.text = out.objects
        return out

    def _yes_or_no(self, expression: Expression) -> None:
        out, determiner = self._written, expression.thing.core.determiner
        if expression.predicates:
            asked = self._filtered([out.objects], expression.predicates, expression.thing, soft=None)
            if determiner == "all" or (determiner == "the" and expression.thing.core.plural):
                out.subject = out.objects
                out.objects = _both([out.objects, f"!{_both(asked[1:])}"])
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
            out.text = f"count({out.objects})"
        else:
            out.text = f"exists({out.objects})"

    def _loosely(self, words: str) -> bool:
        """Whether the next word with a loose sense is taken in it."""
        number = self._written.choices
        self._written.choices += 1
        if number not in self._loose:
            return False
        self._written.loosened.append(words)
        return True

    # Sets -----------------------------------------------------------------------------------------------------------

    def _match(self, core: Core) -> Match | None:
        return None if core.noun is None else self._matches[core.noun]

    def _things(self, thing: Thing, antecedent: Core | None = None) -> str:
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

    def _kind(self, core: Core, antecedent: Core | None) -> str:
        if core.noun is None and core.generic == "one" and antecedent is not None:
            core = antecedent
        match = self._matches["person"] if core.generic == "person" else self._match(core)
        if match is None:
            return EVERYTHING
        group = self._groups.get("\n".join(match.classes))
        if group is not None:
            return _has("supercategory", group)
        return _either([_has("class", name) for name in match.classes])

    def _adjectives(self, core: Core, kind: str, soft: list[_Soft], head: Core | None) -> list[str]:
        parts = [kind]
        for adjective in core.adjectives:
            if isinstance(adjective, Colours):
                parts.append(self._colours(adjective, every=adjective.every and not core.plural))
            elif isinstance(adjective, Place | Size):
                soft.append(_Soft(core.span.text, adjective))
            elif isinstance(adjective, Unseen) and not (adjective.word == "other" and head is not None):
                # "on top of the other books": nothing stands in a relation to itself, so the others are all.
                self._written.unseen.append(adjective.word)
        return parts

    def _colours(self, colours: Colours, every: bool, negated: bool = False) -> str:
        # What is not red may have some red in it, but it is of another colour.
        relation = "main_colour" if negated else "partly" if self._loosely(" and ".join(colours.names)) else "colour"
        named = [_has(relation, name) for name in colours.names]
        return _both(named) if every and relation == "colour" else _either(named)

    def _filtered(
        self, parts: list[str], modifiers: tuple[Modifier, ...], thing: Thing, soft: list[_Soft] | None
    ) -> list[str]:
        """What is left of a set after what is said of it; places are put off where `soft` gathers them."""
        groups: list[list[str]] = []
        for modifier in modifiers:
            says = modifier.says
            if soft is not None and not modifier.negated and not modifier.alternative:
                if isinstance(says, Described) and isinstance(says.adjective, Place):
                    soft.append(_Soft(says.span.text, says.adjective))
                    continue
                if isinstance(says, Nearest) or (isinstance(says, Described) and isinstance(says.adjective, Rank)):
                    continue  # an order is taken of what is left in the end
            if isinstance(says, Described) and isinstance(says.adjective, Colours) and modifier.negated:
                text: str | None = self._colours(says.adjective, every=False, negated=True)
            else:
                text = self._said(says, _both([*parts, *(_either(group) for group in groups)]), thing, modifier.negated)
            if text is None:
                continue
            if modifier.negated:
                text = f"!{text}"
            if modifier.alternative and groups:
                groups[-1].append(text)
            else:
                groups.append([text])
        return [*parts, *(_either(group) for group in groups)]

    def _said(
        self, says: Related | Described | Nearest | Among | Same, among: str, thing: Thing, negated: bool
    ) -> str | None:
        """The set of which something can be said, among some things; None where nothing shows it."""
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
                self._written.unseen.append(unseen.word)
        return None

    def _related(self, says: Related, head: Core, negated: bool) -> str:
        link, thing = says.link, says.thing
        # Of what is denied the loose sense would deny more, so that even less would fit.
        widened = bool(link.loose) and not (negated or link.negated) and self._loosely(link.name)
        relations = link.loose if widened else link.strict
        if link.seen_only:
            self._written.notes.append(f'"{says.span.text}" was read as touching: boxes show no more of what is done.')
        if thing.joined and not thing.either and not (thing.shared and thing.modifiers):
            alone = Thing(thing.core, thing.modifiers, of=thing.of)
            sets = [self._things(alone, head), *(self._things(other, thing.core) for other in thing.joined)]
        else:
            sets = [self._things(thing, head)]
        sign = "" if link.inverse else "~"
        text = _both([_either([f"{sign}{relation}({each})" for relation in relations]) for each in sets])
        return f"!{text}" if link.negated else text

    def _between(self, says: Among, among: str, head: Core) -> str:
        sets = self._things(says.first, head)
        if says.second is not None:
            sets += f" and {self._things(says.second, says.first.core)}"
        return f"({json.dumps(f'between {sets}', ensure_ascii=False)}({among}) = 1)"

    # Orders -----------------------------------------------------------------------------------------------------------

    def _order(self, says: Described | Nearest) -> Rank | None:
        if isinstance(says, Nearest):
            name = json.dumps(f"distance to {self._things(says.thing)}", ensure_ascii=False)
            return Rank(name, says.farthest)
        return says.adjective if isinstance(says.adjective, Rank) else None

    def _ranked(self, parts: list[str], thing: Thing, soft: list[_Soft]) -> str:
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
                self._written.notes.append(f'"{core.span.text}" was counted from the left.')
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
            text = self._hard(item)
            if text is not None:
                parts.append(text)
        text = _both(parts)
        for order in orders:
            text = self._cut(order, ordinal, amount or 1, text)
        return text

    def _cut(self, order: Rank, ordinal: int | None, amount: int, among: str) -> str:
        if ordinal is None:
            return _end(order, amount, among)
        if ordinal == -1:
            return _end(Rank(order.by, not order.largest), amount, among)
        if ordinal == 1:
            return _end(order, amount, among)
        return f"({_end(order, ordinal, among)} & !{_end(order, ordinal - 1, among)})"

    def _hard(self, item: _Soft) -> str | None:
        """A place or size as a set of its own."""
        if isinstance(item.adjective, Place) and item.adjective.positions:
            return _both([_has("position", name) for name in item.adjective.positions])
        if isinstance(item.adjective, Size) and item.adjective.word in ("small", "medium", "large"):
            return _has("size", item.adjective.word)
        self._written.unseen.append(item.words)
        return None
