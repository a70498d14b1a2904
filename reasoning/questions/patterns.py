"""Questions by patterns: a small grammar of English over linked words, tried until the whole question is covered.

Every word that carries meaning has to find its place; a question of which a part is left over is an error that names
the part. Methods named after a phrase are generators of (reading, position behind it), the likeliest reading first;
the first that reaches the end is taken. `Grounding` bounds the work that all of them together may cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reasoning.errors import QuestionError
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Compare, Count, Entity, Exists, Project, Query
from reasoning.questions.assembling import Part, assembled, noted
from reasoning.questions.constructions import inverse_of, shared
from reasoning.questions.explaining import complaint
from reasoning.questions.grounding import Grounding, NoReading, Reading
from reasoning.questions.linking import Item, Lexicon, RelationUse, link
from reasoning.questions.measures import comparisons, measured, superlative
from reasoning.questions.vocabulary import ASKING

MAX_NESTING = 5
_LINKS = ("of", "in", "by", "with", "as", "preposition")
_ANY = "read as: is there any"
_NEITHER = Item("end", "")


@dataclass(frozen=True)
class _Objects:
    """What a relation is put to: for each name (or the one phrase) all readings of it, and the word that joins them."""

    sources: tuple[tuple[Reading, ...], ...]
    joint: str = ""


@dataclass(frozen=True)
class _Context:
    """What stands before a restriction: the type looked for, the word before, and the verb of the last one."""

    want: int | None
    depth: int
    before: str = ""
    last: RelationUse | None = None


def read_by_patterns(question: str, kg: KnowledgeGraph) -> tuple[Query, tuple[str, ...]]:
    """The query of a question and what was assumed.

    Raises:
        QuestionError: not all of it could be understood.
    """
    lexicon = Lexicon(kg)
    words = question.casefold().split()
    asks = len(words) > 1 and words[0] in ASKING and words[1] != "you"
    items = link(question, lexicon)
    if any(item.kind == "unsayable" for item in items):
        raise QuestionError(complaint(kg, items, ""))
    reading, reason = _Reader(kg, lexicon, items).read(asks)
    if reading is None and len(items) > 2 and items[-2].kind in _LINKS and items[-1].kind in ("type", "relation"):
        # "Tokyo is the capital of which country?" asks "Which country is Tokyo the capital of?"
        turned = [items[-1], *items[:-1]]
        reading, _ = _Reader(kg, lexicon, turned).read(asks)
    if reading is None:
        reading = _by_namesakes(kg, lexicon, items, asks)
    if reading is None:
        raise QuestionError(complaint(kg, items, reason))
    return reading.query, tuple(dict.fromkeys(reading.notes))


def _by_namesakes(kg: KnowledgeGraph, lexicon: Lexicon, items: Sequence[Item], asks: bool) -> Reading | None:
    """The reading with one name taken for that of a namesake: "New York" is the state, and "New York City" serves."""
    if any(item.kind == "word" for item in items):
        return None
    for at, item in enumerate(items):
        if item.kind == "entity" and item.mention and (namesake := lexicon.namesake(item.mention)) is not None:
            try:
                changed = [*items[:at], replace(item, mention=namesake), *items[at + 1 :]]
                reading, _ = _Reader(kg, lexicon, changed).read(asks)
            except QuestionError:
                continue
            if reading is not None:
                return reading
    return None


class _Reader:
    def __init__(self, kg: KnowledgeGraph, lexicon: Lexicon, items: Sequence[Item]) -> None:
        self.kg, self.lexicon, self.items = kg, lexicon, items
        self.ground = Grounding(kg, lexicon)
        self.place_use = RelationUse("in", lexicon.location, ranked=True)
        self.reason = ""

    def read(self, asks: bool) -> tuple[Reading | None, str]:
        """The reading of the whole, or None and why the likeliest one failed."""
        start = 0
        while self.kind(start) in ("and", *_LINKS):
            start += 1  # "In which country ..."
        for reading, at in self.question(start, asks):
            while self.kind(at) in ("and", "possessive", *_LINKS):
                at += 1  # "... is Paris in?"
            if at == len(self.items) and not isinstance(reading.query, Entity):
                return reading, ""
        return None, self.reason

    def question(self, start: int, asks: bool) -> Iterator[tuple[Reading, int]]:
        if asks:
            yield from self.yes_or_no(start)
        counted = self.kind(start) == "many"
        for reading, at in self.noun(start + counted, 0):
            # "How many people live in ..." asks for a value and not for a count.
            yield (replace(reading, query=Count(reading.query)) if counted and not reading.values else reading), at

    def yes_or_no(self, start: int) -> Iterator[tuple[Reading, int]]:
        first, use = self.item(start), self.item(start + 3).use
        for objects, at in self.names(start):
            if len(objects.sources) == 2 and use is not None and at == start + 3:
                # "Do France and Spain share a border?"
                other = self.ground.one(objects.sources[1])
                for reading in self.applied(use, objects.sources[:1], False):
                    yield self.exists(self.ground.both(reading, other)), start + 4
        subjects: list[tuple[Reading, int]] = []
        if first.mention is not None:
            subjects.append((self.ground.one(self.ground.entities(first.mention)), start + 1))
        for subject, at in (*subjects, *self.related(start, 0)):
            if subject.values and self.kind(at) == "compare" and self.kind(at + 1) == "number":
                number, sign = self.item(at + 1).value, self.item(at).value
                assert isinstance(subject.query, Project) and isinstance(number, int | float)
                query = Compare(subject.query.relation, subject.query.source, sign, number)  # type: ignore[arg-type]
                yield self.exists(replace(subject, query=query)), at + 2
            elif not subject.values:
                for parts, end in self.parts(at, _Context(None, 0)):
                    many = not isinstance(subject.query, Entity)
                    for reading in self.made(self.assembled, None, subject, parts) if parts else ():
                        yield self.exists(noted(reading, _ANY if many else "")), end
        for reading, at in self.noun(start, 0):
            if not reading.values and not isinstance(reading.query, Entity):
                yield self.exists(noted(reading, _ANY)), at

    def exists(self, reading: Reading) -> Reading:
        return replace(reading, query=Exists(reading.query), values=False)

    # Nouns ------------------------------------------------------------------------------------------------------

    def noun(self, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        """A noun with all that belongs to it: "the largest country in Africa that ..."."""
        if depth > MAX_NESTING:
            return
        best, at = superlative(self.items, start, self.kg)
        for reading, end in self.plain_noun(at, depth):
            if best is None:
                yield reading, end
            elif not reading.values:
                by, behind = measured(self.items, end + 1, self.kg) if self.kind(end) == "by" else (None, end)
                if by is not None:  # "... by population"
                    chosen = replace(best, relations=by.relations[:1])
                    yield from ((ranked, behind) for ranked in self.made(chosen.put_to, reading, self.kg))
                yield from ((ranked, end) for ranked in self.made(best.put_to, reading, self.kg))

    def plain_noun(self, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        item = self.item(start)
        if item.mention is not None:
            yield from self.named(start)
        for reading, at in self.related(start, depth):
            if not reading.values:
                for parts, end in self.parts(at, _Context(None, depth)):
                    if parts:
                        yield from ((whole, end) for whole in self.made(self.assembled, None, reading, parts))
            yield reading, at
        yield from self.restricted(start, depth)

    def named(self, start: int) -> Iterator[tuple[Reading, int]]:
        """Entities by name, and what they have: "Japan and France", "France's capital's population"."""
        for objects, at in self.names(start):
            owner: Sequence[Reading] = objects.sources[0]
            end, chain = at, []
            while len(objects.sources) == 1:
                behind = end + (self.kind(end) == "possessive")
                use = self.item(behind).use
                found = next(self.applied(use, (owner,), inverse_of(use, "of"), noun=True), None) if use else None
                if found is None:
                    break
                owner, end = (found,), behind + 1
                chain.append((found, end))
            yield from reversed(chain)
            ones = [self.ground.one(options) for options in objects.sources]
            yield (ones[0] if len(ones) == 1 else self.ground.either(*ones)), at

    def related(self, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        """What a relation leads to: "the capital of ...", "which currency does ... use", "where is ..."."""
        item = self.item(start)
        where = item.kind == "where"
        use = self.place_use if where else item.use
        if use is None or not use.relations or (where and self.named_use(start + 1)):
            return
        at, want = start + 1, item.type
        if self.item(at).type is not None and self.kind(at + 1) in ("of", "in"):
            want, at = self.item(at).type, at + 1  # "the capital city of", "neighbouring countries of"
        elif (common := shared(use, self.item(at).use)) is not None:
            use, at = common, at + 1  # "the languages spoken in"
        elif self.kind(at) == "by" or use.text.endswith(" by"):
            return  # "written by ..." is no noun
        linked = at
        while self.kind(at) in _LINKS:
            at += 1
        if at == linked and self.item(at).use is not None and self.item(at).type is None:
            return  # two relations side by side
        for objects, end in self.objects(at, depth + 1):
            # "Which countries ..." asks for countries, and not for what has a country.
            inverse, sources = inverse_of(use, "of"), objects.sources
            if item.type is not None:  # nor for the country of some town that is called Asia too
                sources = tuple(tuple(o for o in options if o.rank == options[0].rank) for options in sources)
            for reading in self.applied(use, sources, inverse, want, "or", fixed=where, noun=not where):
                if objects.joint == "and":
                    reading = noted(reading, 'read "and" as: of any of them')
                if shared(use, self.item(end).use) is not None:
                    yield reading, end + 1  # "which currency does Japan [use]"
                yield reading, end

    def restricted(self, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        """A type, or a noun that only says what is looked for, with restrictions: "countries that border France"."""
        item = self.item(start)
        note = ""
        if item.type is not None or item.kind == "anything" or shared(item.use, self.item(start + 1).use):
            at = start + 1
        elif item.kind == "word" and self.lexicon.type_relation is None:
            at, note = start + 1, f'this graph has no types, so "{item.text}" restricts nothing'
        elif item.kind in ("relation", "with", "in", "not"):
            at = start  # "Who directed ..."
        elif item.kind == "where" and self.named_use(start + 1):
            at = start + 1  # "Where is German spoken?"
        elif item.kind == "entity" and self.item(start + 1).type is not None:
            yield from self.placed(start, depth)
            return
        else:
            return
        if item.type is None and item.use is not None and self.kind(start + 1) not in ("of", "in", "by"):
            yield from self.bare(item.use, start, depth)
        for parts, end in self.parts(at + (self.kind(at) == "possessive"), _Context(item.type, depth)):
            yield from ((noted(r, note), end) for r in self.made(self.assembled, item.type, None, parts))

    def bare(self, use: RelationUse, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        """A relation as a noun of its own: "the largest capital", "which capital has the most people"."""
        base = self.ground.range_of(use)
        for parts, end in self.parts(start + 1, _Context(None, depth)) if base is not None else ():
            if parts or self.kind(start - 1) == "most":
                yield from ((reading, end) for reading in self.made(self.assembled, None, base, parts))

    def placed(self, start: int, depth: int) -> Iterator[tuple[Reading, int]]:
        """A place before a type: "European countries"."""
        mention, want = self.item(start).mention, self.item(start + 1).type
        assert mention is not None
        for place in self.made(self.ground.located, self.ground.entities(mention), want):
            for parts, end in self.parts(start + 2, _Context(want, depth)):
                yield from ((reading, end) for reading in self.made(self.assembled, want, place, parts))

    # Objects ----------------------------------------------------------------------------------------------------

    def names(self, start: int) -> Iterator[tuple[_Objects, int]]:
        """Names joined by "and" or "or", the longest list first."""
        found: list[tuple[_Objects, int]] = []
        sources: tuple[tuple[Reading, ...], ...] = ()
        at, joint = start, ""
        while (mention := self.item(at).mention) is not None and (not sources or joint):
            sources = (*sources, self.ground.entities(mention))
            found.append((_Objects(sources, joint if len(sources) > 1 else ""), at + 1))
            at += 1
            while (kind := self.kind(at)) in ("and", "or"):
                joint = kind if joint != "or" else joint
                at += 1
            if at == found[-1][1]:
                break
        yield from reversed(found)

    def objects(self, start: int, depth: int) -> Iterator[tuple[_Objects, int]]:
        """What a relation is put to: names, or another noun with all that belongs to it."""
        yield from ((objects, at) for objects, at in self.names(start) if self.kind(at) != "possessive")
        if self.kind(start) not in ("with", "in", "not"):
            for reading, at in self.noun(start, depth):
                if not reading.values and not isinstance(reading.query, Entity):
                    yield _Objects(((reading,),)), at

    # Restrictions -----------------------------------------------------------------------------------------------

    def parts(self, start: int, context: _Context) -> Iterator[tuple[tuple[Part, ...], int]]:
        """Restrictions one after the other, as many as fit first, then fewer."""
        at, words = start, list[str]()
        while (kind := self.kind(at)) in ("and", "or", "not", "except", "with") or (kind == "anything" and words):
            words.append(kind)
            at += 1
        negated, alternative = "not" in words or "except" in words, "or" in words
        before = next((w for w in reversed(words) if w in ("not", "except")), words[-1] if words else "")
        before = "with" if words and words[-1] == "with" and before != "not" else before
        for part, use, end in self.part(at, replace(context, before=before)):
            part = replace(part, negated=negated, alternative=alternative)
            for rest, last in self.parts(end, replace(context, last=use)):
                yield (part, *rest), last
        yield (), start

    def part(self, at: int, context: _Context) -> Iterator[tuple[Part, RelationUse | None, int]]:
        item = self.item(at)
        try:
            for comparison, end in comparisons(self.items, at, self.kg):
                yield Part(choice=comparison), None, end
        except NoReading as error:
            self.reason = str(error)
        best, end = superlative(self.items, at, self.kg)
        if best is not None and self.kind(end) not in ("type", "word") and self.item(end).use is None:
            yield Part(choice=best), None, end  # "has the largest population"
        if item.use is not None:
            yield from self.verb(item.use, at, context)
        if item.mention is not None:
            yield from self.inverted(at, context)
            yield from self.alone(at, context)
        elif item.type is not None:
            for subject, end in self.noun(at, context.depth + 1):
                # "which languages do [the countries bordering Portugal] speak"
                bare = isinstance(subject.query, Project) and subject.query.relation == self.lexicon.type_relation
                if (gap := self.item(end).use) is not None and not subject.values and not bare:
                    for reading in self.applied(gap, ((subject,),), inverse_of(gap, "gap"), context.want):
                        yield Part(reading), gap, end + 1
        if item.kind in ("in", "of"):
            yield from self.place(at + 1, context)

    def verb(self, use: RelationUse, at: int, context: _Context) -> Iterator[tuple[Part, RelationUse | None, int]]:
        """A relation and its object: "border France", "directed by ...", "the capital of ...", "whose capital is"."""
        construction = "having" if context.before == "with" else "verb"
        construction = self.kind(at + 1) if self.kind(at + 1) in ("of", "by") else construction
        construction = "by" if use.text.endswith(" by") else construction
        inverse, behind = inverse_of(use, construction), at + 1
        while self.kind(behind) in _LINKS:
            behind += 1
        for objects, end in self.objects(behind, context.depth + 1):
            if construction == "verb" and self.kind(end) == "with" and end + 1 == len(self.items):
                continue  # "What capital does London have?" has its verb at the end
            joint, noun = objects.joint or "and", construction == "of"
            for reading in self.applied(use, objects.sources, inverse, context.want, joint, noun=noun):
                again = self.kind(end) == "as" and shared(use, self.item(end + 1).use)  # "use ... as currency"
                yield Part(reading), use, end + (2 if again else 0)

    def inverted(self, at: int, context: _Context) -> Iterator[tuple[Part, RelationUse | None, int]]:
        """A name before its relation: "did A direct", "the Euro as currency", "is Tokyo the capital of"."""
        for objects, end in self.names(at):
            behind = end
            while self.kind(behind) in ("as", "with"):
                behind += 1
            if (use := self.item(behind).use) is not None:
                as_noun = "as" in (self.kind(end), self.kind(behind - 1)) or self.kind(behind + 1) == "of"
                inverse, joint = inverse_of(use, "having" if as_noun else "gap"), objects.joint or "and"
                fixed = inverse and self.kind(behind + 1) == "of" and self.lexicon.type_relation is not None
                for reading in self.applied(use, objects.sources, inverse, context.want, joint, fixed):
                    yield Part(reading), None, behind + 1
            elif self.kind(end) == "in":
                for reading in self.applied(self.place_use, objects.sources, False, context.want, fixed=True):
                    yield Part(reading), None, end + 1

    def alone(self, at: int, context: _Context) -> Iterator[tuple[Part, RelationUse | None, int]]:
        """A name without a verb: "... and Spain", "except Spain", "without the euro"."""
        for objects, end in self.names(at):
            if context.last is not None and context.before in ("and", "or", "not"):
                for reading in self.applied(context.last, objects.sources, True, context.want, objects.joint or "and"):
                    yield Part(reading), context.last, end
            if context.before == "except":
                ones = [self.ground.one(options) for options in objects.sources]
                yield Part(ones[0] if len(ones) == 1 else self.ground.either(*ones)), None, end
            elif context.before in ("with", "not") and context.want is not None and len(objects.sources) == 1:
                for reading in self.made(self.ground.implied, objects.sources[0], context.want):
                    yield Part(reading), None, end

    def place(self, at: int, context: _Context) -> Iterator[tuple[Part, RelationUse | None, int]]:
        while self.kind(at) in ("in", "of"):
            at += 1
        for objects, end in self.objects(at, context.depth + 1):
            try:
                found = [self.ground.located(options, context.want) for options in objects.sources]
            except NoReading as error:
                self.reason = str(error)
                continue
            reading = found[0] if len(found) == 1 else self.ground.either(*found)
            yield Part(noted(reading, 'read "and" as: in any of them' if objects.joint == "and" else "")), None, end

    def assembled(self, want: int | None, base: Reading | None, parts: Sequence[Part]) -> Reading:
        return assembled(self.ground, want, base, parts, self.reason)

    def applied(
        self,
        use: RelationUse,
        sources: Sequence[Sequence[Reading]],
        inverse: bool,
        want: int | None = None,
        joint: str = "and",
        fixed: bool = False,
        noun: bool = False,
    ) -> Iterator[Reading]:
        """The relation put to each source: what all of them give, or for "or" any of them; nothing where one fails."""
        try:
            found = [self.ground.apply(use, options, inverse, want, fixed, noun) for options in sources]
        except NoReading as error:
            self.reason = str(error)
            return
        if len(found) == 1:
            yield found[0]
        elif not any(reading.values for reading in found):
            yield self.ground.both(*found) if joint == "and" else self.ground.either(*found)
        elif joint == "or":
            together = self.ground.either(*(self.ground.one(options) for options in sources))
            yield self.ground.apply(use, (together,), inverse, want, fixed, noun)

    def made(self, make: Callable[..., Reading], *arguments: Any) -> Iterator[Reading]:
        """What a function makes, or nothing where it finds no reading."""
        try:
            yield make(*arguments)
        except NoReading as error:
            self.reason = str(error)

    # Words ------------------------------------------------------------------------------------------------------

    def item(self, at: int) -> Item:
        return self.items[at] if 0 <= at < len(self.items) else _NEITHER

    def named_use(self, at: int) -> bool:
        """Whether a name and then a relation stand here."""
        return self.item(at).mention is not None and self.item(at + 1).use is not None

    def kind(self, at: int) -> str:
        return self.item(at).kind
