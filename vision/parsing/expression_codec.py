"""Codec between queries over a scene and the text that the model writes, and the grammar of that text.

    one man & left(bus & red)             the man left of the red bus
    all cars & !near(person)              cars that are not near any person
    one largest 1(bottles & on(counter))  the largest of the bottles on the counter
    count * & on(table)                   how many things are on the table
    denied cars & !red                    are all cars red

`left(S)` is what is left of a thing of S, `~on(S)` what a thing of S is on, `*` everything, `largest #2(S)` the
second largest. Words are copied from the expression; what they mean the matcher says. Of a video there are also
events:

    all people & enters before(dog & leaves)  people who enter before the dog leaves
    one dog & enters(left)                    the dog that enters from the left
    one earliest 1(cars & stops)              the first car that stops
    when man & near(dog)                      when is the man near the dog
    way dog & moves                           which way does the dog go
    times ball & crosses(right)               how many times does the ball cross to the right
    what one doing after(doing(peels it))     what is done after she peels it

A sentence names tracks (`~class("dog") & of(~kind("leaves"))`); where it is asked when something happens, or what
comes before it, the events are meant (`~kind("leaves") & ~of(~class("dog"))`). Of several things that are said of a
track, the last one is the event that a time such as `before(S)` speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeGuard

from reasoning.errors import QueryError
from reasoning.lm.constraint import any_piece, in_turn
from reasoning.query.records import rebuilt
from reasoning.query.tree import Compare, Complement, Entity, Intersect, Project, Query, Top, Union
from vision.errors import InstructionError
from vision.parsing.prompt import (
    BETWEEN_PIECE,
    DISTANCES,
    EVERYTHING,
    LEAST,
    NUMBERED,
    OF_EVENTS,
    PICTURE,
    PLACE,
    PLACES,
    SIZE,
    SIZES,
    Pieces,
    Question,
    Sentence,
    TextPrompt,
    both,
    either,
    ordinal,
)
from vision.scene.graph import BETWEEN, DISTANCE, KIND, OBJECT, between_relation, distance_relation, measured_relation
from vision.scene.relations import RELATIONS
from vision.video.motions import ACTION, APPEARS, BEFORE, DURING, MEETINGS, OF, SIDE, SIDED, SIDES, WITH

PAIRED = frozenset({*RELATIONS, *MEETINGS})
"""Kinds of events that are relations between two tracks."""

EVENT_MEASURES = ("start", "end", "duration")
"""Values that an event has."""

_ORDER = (KIND, SIDE, OF, WITH, BEFORE, DURING)


def kind_of_event(kind: str) -> Query:
    """All events of a kind."""
    return Project(KIND, Entity(kind), inverse=True)


def with_part(relation: str, tracks: Query) -> tuple[Query, ...]:
    """Events of (or with) some tracks; of any track is no condition."""
    return () if tracks == EVERYTHING else (Project(relation, tracks, inverse=True),)


def events(parts: Sequence[Query]) -> Query:
    """The events to which all conditions apply, written in one order."""

    def place(condition: Query) -> int:
        relation = condition.relation if isinstance(condition, Project) else ""
        return _ORDER.index(relation) if relation in _ORDER else len(_ORDER)

    return both(sorted((one for part in parts for one in _parts(part)), key=place))


def is_of_events(query: Query) -> bool:
    """Whether a query's members are events and not tracks."""
    match query:
        case Project(relation=relation, source=source, inverse=True):
            if relation == KIND:
                return source != Entity(OBJECT)
            return relation in (OF, WITH, SIDE, BEFORE, DURING)
        case Project(relation=relation):
            return relation in (BEFORE, DURING)
        case Intersect(parts=parts):
            return any(map(is_of_events, parts))
        case Union(parts=parts):
            return all(map(is_of_events, parts))
        case Top(source=source) | Compare(source=source):
            return is_of_events(source)
    return False


def events_meant(things: Query) -> Query:
    """The events of which a set of tracks is said: of the last thing that happens to them, or that they appear."""
    if is_of_events(things):
        return things
    if isinstance(things, Union):
        return either([events_meant(part) for part in things.parts])
    parts = _parts(things)
    for at in reversed(range(len(parts))):
        if (happening := _happening(parts[at])) is not None:
            role, own = happening
            rest = parts[:at] + parts[at + 1 :]
            return events([own, *(with_part(role, both(rest)) if rest else ())])
    return events([kind_of_event(APPEARS), *with_part(OF, things)])


def happens(things: Query) -> bool:
    """Whether something is said to happen to a set of tracks, beside that they are there."""
    if isinstance(things, Union):
        return any(map(happens, things.parts))
    return any(_happening(part) is not None for part in _parts(things))


def is_action(things: Query) -> bool:
    """Whether a set is said of an action of the whole video, which is no track's."""
    return any(_has_kind(part.source, ACTION) for part in _parts(things) if _is_role(part))


def tracks_meant(of_events: Query, role: str = OF) -> Query:
    """The set of tracks by which events are said; `events_meant` gives the events again.

    The role says of which tracks: `OF` those that it happens to, or the first ones; `WITH` the second ones.
    """
    if isinstance(of_events, Union):
        return either([tracks_meant(part, role) for part in of_events.parts])
    other = WITH if role == OF else OF
    conditions = _parts(of_events)
    tracks = [part for one in _sources(conditions, role) for part in _parts(one)]
    others = _sources(conditions, other)
    kinds = [one.name for one in _sources(conditions, KIND) if isinstance(one, Entity)]
    rest = [one for one in conditions if not any(_is(one, relation) for relation in (OF, WITH, KIND))]
    if len(kinds) == 1 and kinds[0] in PAIRED and not rest:
        return both([*tracks, Project(kinds[0], both(others) if others else EVERYTHING, inverse=role == OF)])
    if kinds == [APPEARS] and not rest and tracks and not happens(both(tracks)):
        return both(tracks)
    own = [one for one in conditions if not _is(one, role)]
    return both([*tracks, Project(role, events(own))]) if own else both(tracks)


def as_said(query: Query) -> Query:
    """A query over tracks with all that happens in it in the form of `tracks_meant`."""

    def said(part: Query) -> Query:
        return tracks_meant(part.source, part.relation) if _is_role(part) else part

    return rebuilt(query, said)


def _parts(query: Query) -> tuple[Query, ...]:
    """Those of which all must apply."""
    if not isinstance(query, Intersect) or ordinal(query) is not None:
        return (query,)
    return tuple(one for part in query.parts for one in _parts(part))


def _is(query: Query, relation: str) -> bool:
    """Whether it is what leads to some things by a relation."""
    return isinstance(query, Project) and query.inverse and query.relation == relation


def _is_role(query: Query) -> TypeGuard[Project]:
    """Whether it is the tracks that some events happen to."""
    return isinstance(query, Project) and not query.inverse and query.relation in (OF, WITH)


def _sources(conditions: Sequence[Query], relation: str) -> list[Query]:
    return [one.source for one in conditions if isinstance(one, Project) and _is(one, relation)]


def _has_kind(of_events: Query, kind: str) -> bool:
    if isinstance(of_events, Top):
        return _has_kind(of_events.source, kind)
    if (ranked := ordinal(of_events)) is not None:
        return _has_kind(ranked, kind)
    return Entity(kind) in _sources(_parts(of_events), KIND)


def _happening(part: Query) -> tuple[str, Query] | None:
    """What a part of a set says that happens: the tracks' role in it, and the events."""
    if not isinstance(part, Project):
        return None
    if _is_role(part):
        return part.relation, part.source
    if part.relation not in PAIRED:
        return None
    role, other = (OF, WITH) if part.inverse else (WITH, OF)
    return role, events([kind_of_event(part.relation), *with_part(other, part.source)])


# Writing ------------------------------------------------------------------------------------------------------


def written(
    sentence: Sentence, words: Mapping[str, Sequence[str]], prompt: TextPrompt, pieces: Pieces = PICTURE
) -> list[str]:
    """The pieces in which a sentence is written.

    `words` are by class, supercategory, colour or action the phrases of the expression that say it, used in turn.

    Raises:
        InstructionError: it names what does not stand in the expression, or what no piece says.
    """
    things = as_said(sentence.things)
    things = tracks_meant(things) if is_of_events(things) else things
    return [*_head(sentence, pieces), *_Writing(words, prompt, pieces).of(things)]


def _head(sentence: Sentence, pieces: Pieces) -> list[str]:
    wanted = " all" if sentence.wanted is None else " one" if sentence.wanted == 1 else f" {sentence.wanted}"
    many = [" ", *wanted.strip()] if wanted.strip().isdigit() else [wanted]
    if sentence.bound is not None:
        operator, number = sentence.bound
        least = next((word for word, sign in LEAST.items() if sign == operator), "")
        if not least:
            raise InstructionError(f"no piece compares a number by {operator!r}")
        return [least, " ", *str(number)]
    if sentence.question == "find":
        return many
    often = sentence.question == "count" and is_of_events(sentence.things)
    asked = (sentence.question, sentence.denied)
    heads = (word for word, meant in pieces.heads.items() if meant == asked)
    head = next((word for word in heads if (word in pieces.often) == often), "")
    if not head:
        raise InstructionError(f"no piece asks {sentence.question!r} of a {pieces.about}")
    return [head, *many] if sentence.question in NUMBERED else [head]


class _Writing:
    def __init__(self, words: Mapping[str, Sequence[str]], prompt: TextPrompt, pieces: Pieces) -> None:
        self._words = {value: list(phrases) for value, phrases in words.items()}
        self._prompt, self._pieces = prompt, pieces

    def of(self, query: Query) -> list[str]:
        if query == EVERYTHING:
            return [" *"]
        if (second := ordinal(query)) is not None:
            return self._ranked(second, " #")
        match query:
            case Intersect():
                return self._joined(query.parts, " &", Union)
            case Union():
                return self._joined(query.parts, " |", Intersect)
            case Complement():
                return [" !", *self._bracketed(query.part, Intersect | Union)]
            case Top():
                return self._ranked(query, " ")
            case Compare() if isinstance(query.measure, str) and query.measure.startswith(BETWEEN):
                sets = _sets(query.measure)
                among = [] if query.source == EVERYTHING else [*self._bracketed(query.source, Union), " &"]
                return [*among, BETWEEN_PIECE, "(", *self._listed(sets[:1] if sets[0] == sets[-1] else sets), ")"]
            case Project(source=Entity(name=name)) if query.inverse:
                return self._attribute(query.relation, name)
            case Project(source=Top() as ranked, inverse=False) if query.relation == OF:
                return self._ranked(ranked, " ")
            case Project(source=source, inverse=False) if query.relation == OF and (second := ordinal(source)):
                return self._ranked(second, " #")
            case Project(inverse=False) if query.relation in (OF, WITH):
                return self._happening(query)
            case Project():
                return self._related(query.relation, query.inverse, query.source)
        raise InstructionError(f"no piece says {query}")

    def _related(self, relation: str, inverse: bool, source: Query) -> list[str]:
        word = next((word for word, meant in self._pieces.relations.items() if meant == relation), None)
        if word is None:
            raise InstructionError(f"no piece says {relation}")
        return [*([] if inverse else [" ~"]), word, "(", *self.of(source), ")"]

    def _happening(self, query: Project) -> list[str]:
        """What happens to tracks: what it is, then how it stands in time."""
        conditions = query.source.parts if isinstance(query.source, Intersect) else (query.source,)
        named: dict[str, list[Query]] = {}
        times: list[str] = []
        for one in conditions:
            assert isinstance(one, Project)
            meant = (one.relation, one.inverse)
            if word := next((word for word, time in self._pieces.times.items() if time == meant), ""):
                times += [word, "(", *self.of(tracks_meant(one.source)), ")"]
            else:
                named.setdefault(one.relation, []).append(one.source)
        kinds, sides = ([one.name for one in named.pop(key, []) if isinstance(one, Entity)] for key in (KIND, SIDE))
        other = named.pop(WITH if query.relation == OF else OF, [])
        if len(kinds) == 1 and kinds[0] in PAIRED and not named and not sides:
            among = both(other) if other else EVERYTHING
            return [*self._related(kinds[0], query.relation == OF, among), *times]
        if named or other or query.relation == WITH:
            raise InstructionError(f"no piece says {query}")
        return [*self._alone(kinds, sides), *times]

    def _alone(self, kinds: Sequence[str], sides: Sequence[str]) -> list[str]:
        """What happens to one track, or an action."""
        if ACTION in kinds and not sides and len(kinds) <= 2 and self._pieces.doing:
            said = [kind for kind in kinds if kind != ACTION]
            return [*self._pieces.doing, *(["(", *self._copied(said[0]), ")"] if said else [])]
        word = next((word for word, kind in self._pieces.happenings.items() if [kind] == list(kinds)), None)
        if word is None or len(sides) > 1:
            raise InstructionError(f"no piece says that something {' and '.join((*kinds, *sides))}")
        return [word, *(["(", f" {sides[0]}", ")"] if sides else [])]

    def _attribute(self, relation: str, value: str) -> list[str]:
        if relation == "position":
            return [PLACE, "(", *(f" {word}" for word in value.split()), ")"]
        if relation == "size":
            return [SIZE, "(", f" {value}", ")"]
        return self._copied(value)

    def _copied(self, value: str) -> list[str]:
        phrases = self._words.get(value)
        if not phrases:
            raise InstructionError(f"nothing in the expression says {value!r}")
        phrase = phrases.pop(0) if len(phrases) > 1 else phrases[0]
        return self._prompt.copied(phrase)

    def _ranked(self, top: Top, sign: str) -> list[str]:
        if not isinstance(top.measure, str):
            raise InstructionError(f"no piece says {top}")
        number = [sign, *str(top.k), "("]
        if top.measure.startswith(DISTANCE):
            word = next(word for word, largest in DISTANCES.items() if largest == top.largest)
            return [word, *number, *self._listed([top.source, *_sets(top.measure)]), ")"]
        among = tracks_meant(top.source) if is_of_events(top.source) else top.source
        # The last to leave is the one whose leaving comes last, wherever it is measured.
        measure = "start" if top.measure == "end" and happens(among) else top.measure
        word = next((word for word, rank in self._pieces.ranks.items() if rank == (measure, top.largest)), "")
        if not word:
            raise InstructionError(f"no piece says {top}")
        return [word, *number, *self.of(among), ")"]

    def _joined(self, parts: Sequence[Query], sign: str, other: type[Query]) -> list[str]:
        said: list[list[str]] = []
        for part in parts:
            if (pieces := self._bracketed(part, other)) not in said:  # fruits are bananas or apples or oranges
                said.append(pieces)
        return said[0] + [piece for pieces in said[1:] for piece in (sign, *pieces)]

    def _bracketed(self, query: Query, kinds: type[Query] | object) -> list[str]:
        bracketed = isinstance(query, kinds) and ordinal(query) is None  # type: ignore[arg-type]
        return [" (", *self.of(query), ")"] if bracketed else self.of(query)

    def _listed(self, sets: Sequence[Query]) -> list[str]:
        return [*self.of(sets[0]), *(piece for one in sets[1:] for piece in (",", *self.of(one)))]


def _sets(relation: str) -> tuple[Query, ...]:
    measured = measured_relation(relation)
    assert measured is not None
    return measured.sets


# Reading ------------------------------------------------------------------------------------------------------

DEEPEST = 12
"""Brackets in brackets."""

_SIGNS = ("(", ")", ",", "&", "|", "#", "!", "*", "~")
_TOKEN = re.compile(r"[()~,#&|!*]|[^\s()~,#&|!*]+")


def read_back(
    text: str, meaning: Callable[[str], Query], pieces: Pieces = PICTURE, action: Callable[[str], str] = str
) -> Sentence:
    """What pieces, joined, ask.

    `meaning` gives the query of what a phrase names, `action` the label of the action that it names.

    Raises:
        InstructionError: it is no sentence, or a phrase names nothing.
    """
    parser = _Parser(_TOKEN.findall(text), meaning, pieces, action)
    try:
        return parser.sentence()
    except (IndexError, ValueError, KeyError, QueryError) as error:
        raise InstructionError(f"{text.strip()!r} is no sentence about a {pieces.about} ({error})") from error


class _Parser:
    def __init__(
        self, tokens: Sequence[str], meaning: Callable[[str], Query], pieces: Pieces, action: Callable[[str], str]
    ) -> None:
        self._tokens, self._at, self._meaning = list(tokens), 0, meaning
        self._pieces, self._action = pieces, action
        self._depth = 0

    def sentence(self) -> Sentence:
        first = f" {self._next()}"
        question: Question = "find"
        denied, wanted, bound = False, None, None
        often = first in self._pieces.often
        if first in LEAST:
            question, bound = "exists", (LEAST[first], int(self._next()))
        elif first in self._pieces.heads:
            question, denied = self._pieces.heads[first]
            first = f" {self._next()}" if question in NUMBERED else ""
        if question in NUMBERED:
            wanted = {" one": 1, " all": None}[first] if not first.strip().isdigit() else int(first)
        things = self._either()
        if self._at < len(self._tokens):
            raise ValueError(f"{self._tokens[self._at]!r} stands behind its end")
        of_events = often or question in OF_EVENTS or is_action(things)
        return Sentence(question, wanted, events_meant(things) if of_events else things, denied, bound)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _sees(self, *signs: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in signs

    def _expect(self, sign: str) -> None:
        if (found := self._next()) != sign:
            raise ValueError(f"{sign!r} was expected, not {found!r}")

    def _either(self) -> Query:
        parts = [self._both()]
        while self._sees("|"):
            self._next()
            parts.append(self._both())
        return either(parts)

    def _both(self) -> Query:
        parts = [self._one()]
        while self._sees("&"):
            self._next()
            parts.append(self._one())
        return both(parts)

    def _one(self) -> Query:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        found = self._plain()
        self._depth -= 1
        return found

    def _plain(self) -> Query:
        if self._sees("!"):
            self._next()
            return Complement(self._one())
        if self._sees("*"):
            self._next()
            return EVERYTHING
        if self._sees("("):
            return self._argument()
        forward = self._sees("~")
        if forward:
            self._next()
        if not forward and (happening := self._happening()) is not None:
            return happening
        words = [self._next()]
        while self._at < len(self._tokens) and not self._sees(*_SIGNS):
            words.append(self._next())
        if self._sees("#"):
            self._next()
            return self._rank(words[0], int(self._next()), is_ordinal=True)
        if not self._sees("(") or (len(words) > 1 and not words[-1].isdigit()):
            return self._meaning(" ".join(words))
        if len(words) == 2:
            return self._rank(words[0], int(words[1]), is_ordinal=False)
        return self._applied(f" {words[0]}", forward)

    def _argument(self) -> Query:
        self._expect("(")
        found = self._either()
        self._expect(")")
        return found

    def _applied(self, word: str, forward: bool) -> Query:
        if word in (PLACE, SIZE):
            value = self._words_in_brackets()
            if value not in (PLACES if word == PLACE else SIZES):
                raise ValueError(f"{value!r} is none")
            return Project("position" if word == PLACE else "size", Entity(value), inverse=True)
        if word == BETWEEN_PIECE:
            return Compare(between_relation(*self._arguments()), EVERYTHING, "=", 1)
        relation, others = self._pieces.relations[word], self._argument()
        times = self._times()
        if not times:
            return Project(relation, others, inverse=not forward)
        role, other = (WITH, OF) if forward else (OF, WITH)
        return Project(role, events([kind_of_event(relation), *with_part(other, others), *times]))

    def _happening(self) -> Query | None:
        """What happens to one track, or an action; None where the next words are none of it."""
        word = f" {self._tokens[self._at]}"
        behind = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""
        ends = behind in _SIGNS or f" {behind}" in self._pieces.times or not behind
        if word not in (*self._pieces.happenings, *self._pieces.doing) or not ends:
            return None
        self._next()
        said = self._words_in_brackets() if self._sees("(") else ""
        if word in self._pieces.doing:
            conditions = [kind_of_event(ACTION), *([kind_of_event(self._action(said))] if said else [])]
        else:
            kind = self._pieces.happenings[word]
            if said and (kind not in SIDED or said not in SIDES):
                raise ValueError(f"nothing {kind} {said!r}")
            conditions = [kind_of_event(kind), *([Project(SIDE, Entity(said), inverse=True)] if said else [])]
        return Project(OF, events([*conditions, *self._times()]))

    def _times(self) -> list[Query]:
        """How what happens stands in time to what happens to others."""
        found: list[Query] = []
        while self._sees(*(word.strip() for word in self._pieces.times)):
            relation, inverse = self._pieces.times[f" {self._next()}"]
            found.append(Project(relation, events_meant(self._argument()), inverse))
        return found

    def _words_in_brackets(self) -> str:
        self._expect("(")
        words = [self._next()]
        while not self._sees(")"):
            words.append(self._next())
        self._next()
        return " ".join(words)

    def _arguments(self) -> list[Query]:
        self._expect("(")
        sets = [self._either()]
        if self._sees(","):
            self._next()
            sets.append(self._either())
        self._expect(")")
        return sets

    def _rank(self, word: str, k: int, is_ordinal: bool) -> Query:
        if f" {word}" in DISTANCES:
            among, other = self._arguments()
            largest = DISTANCES[f" {word}"]
            top = Top(k, distance_relation(other), among, largest)
        else:
            measure, largest = self._pieces.ranks[f" {word}"]
            among = self._argument()
            of_events = measure in EVENT_MEASURES and happens(among)
            top = Top(k, measure, events_meant(among) if of_events else among, largest)
            if of_events:
                return Project(OF, _kth(top) if is_ordinal else top)
        return _kth(top) if is_ordinal else top


def _kth(top: Top) -> Query:
    """The k-th alone of the first k."""
    return top if top.k == 1 else Intersect((top, Complement(Top(top.k - 1, top.measure, top.source, top.largest))))


_RULES = """
start: (wanted | numbered wanted | alone | bound number) set
wanted: few | number
set: both (or both)*
both: one (and one)*
one: not one | plain
plain: everything | bracket set right | inverse? relation left set right | rank space digits left set right
     | rank ordinal digits left set right | distance (space | ordinal) digits left set comma set right
     | between left set (comma set)? right | place left places right | size left sizes right | span
{happening}number: space digits
digits: digit{{1,3}}
"""
_HAPPENING = """     | inverse? relation left set right time+ | happening time* | sided (left sides right)? time*
     | doing (left span right)? time*
time: times left set right
"""


def expression_grammar(prompt: TextPrompt, piece: Callable[[str], Sequence[int]], pieces: Pieces = PICTURE) -> str:
    """The grammar of what may be written of an expression and its words; `piece` gives the tokens of a piece."""
    numbered = [word for word, (question, _) in pieces.heads.items() if question in NUMBERED]
    classes: dict[str, Iterable[str]] = {
        "few": (" one", " all"), "numbered": numbered, "alone": [word for word in pieces.heads if word not in numbered],
        "bound": LEAST, "everything": (" *",), "bracket": (" (",), "left": ("(",), "right": (")",), "comma": (",",),
        "or": (" |",), "and": (" &",), "not": (" !",), "inverse": (" ~",), "ordinal": (" #",), "space": (" ",),
        "relation": pieces.relations, "rank": pieces.ranks, "distance": DISTANCES, "between": (BETWEEN_PIECE,),
        "place": (PLACE,), "size": (SIZE,), "sizes": [f" {size}" for size in SIZES], "digit": "0123456789",
    }  # fmt: skip
    if pieces.happenings:
        sided = [word for word, kind in pieces.happenings.items() if kind in SIDED]
        classes["happening"] = [word for word in pieces.happenings if word not in sided]
        classes |= {"sided": sided, "sides": [f" {side}" for side in SIDES], "doing": pieces.doing}
        classes["times"] = pieces.times
    rules = [f"{name}: {any_piece(texts, piece)}" for name, texts in classes.items()]
    places = " | ".join(" ".join(in_turn(piece(f" {word}")) for word in place.split()) for place in PLACES)
    form = _RULES.format(happening=_HAPPENING if pieces.happenings else "")
    return "\n".join([form, *rules, f"places: {places}", *prompt.copied_words.span_rules(piece)])
