"""What a question is understood as that may follow an answer.

Words that refer to the answer are linked to it as names are, and the model that reads the question writes a query of
them; what then is put together is exact. Where nothing refers to it, a few words that are no question by themselves
("and Spain?", "how many?") go on with the last query. Whatever else can be read by itself is a new question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from reasoning.errors import quoted_list
from reasoning.parsing.checking import check
from reasoning.parsing.follow_up_references import (
    Reference,
    asked_relations,
    asks_by_itself,
    asks_nothing_beside,
    compared_with,
    compares_by,
    goes_on,
    in_place_of,
    is_fragment,
    keeps_some,
    may_follow,
    named_things,
    reference_in,
    refers_to_nothing,
    says_kind,
    with_reference,
    without_restrictor,
)
from reasoning.parsing.last_answer import (
    LastAnswer,
    all_of,
    exchanged,
    holds,
    innermost,
    measured_by,
    narrowed,
    sets_within,
    with_value,
)
from reasoning.parsing.linking import WELL_LINKED, Candidate, LinkedQuestion
from reasoning.parsing.schema import Kinds, RelationEntry
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from reasoning.query.tree import Compare, Count, Entity, Exists, Project, Query
from skylark.errors import SkylarkError

Read = Callable[[LinkedQuestion], ReadQuestion]
"""How a question whose names are linked is read."""


UNCLEAR = "it is not clear what is asked of the last answer"

NEVER_LEFT_OUT = WELL_LINKED - 0.05
"""Weight of a pronoun: what is read without it is asked of those that it refers to, so nothing is left out."""


def understood_after(question: LinkedQuestion, last: LastAnswer, read: Read, sure: float) -> ReadQuestion:
    """What a question is read as that was asked after an answer, from the probability `sure` on; a QuestionError where
    it refers to something that the answer does not have."""
    found = _FollowUp(without_restrictor(question), last, read, sure).understood()
    return replace(found, question=question.prompt.question)


def understood_first(question: LinkedQuestion, read: Read) -> ReadQuestion:
    """What a question is read as that no answer is before; a QuestionError where it refers to one."""
    reference = reference_in(question)
    if reference is not None and refers_to_nothing(question, reference):
        raise QuestionError(
            f'"{reference.text}" refers to nothing: there is no answer before it, so say by name what is asked about'
        )
    return read(question)


class _FollowUp:
    """A question beside the answer before it; arguments as for `understood_after`."""

    def __init__(self, question: LinkedQuestion, last: LastAnswer, read: Read, sure: float) -> None:
        self._question, self._last, self._read, self._sure = question, last, read, sure

    def understood(self) -> ReadQuestion:
        """See `understood_after`."""
        if not may_follow(self._question):
            return self._read(self._question)
        if (compared := self._compared()) is not None:
            return compared
        reference = reference_in(self._question)
        if reference is not None:
            found = self._of_pronoun(reference) if reference.place is None else self._of_place(reference)
            if found is not None:
                return found
        else:
            exchanged_names = self._with_names_exchanged() if is_fragment(self._question) else None
            if (found := exchanged_names or self._with_relation_exchanged()) is not None:
                return found
        fresh = self._read(self._question)
        if not goes_on(self._question):
            return fresh
        return self._gone_on_with(fresh) or self._as_measured_last(fresh)

    # What is referred to ------------------------------------------------------------------------------------------

    def _of_place(self, reference: Reference) -> ReadQuestion | None:
        """Read with a place in the last answer linked to what stands there; None where it is no such place."""
        assert reference.place is not None
        try:
            entities = self._last.in_places(reference.place, reference.count)
        except QuestionError:
            if asks_nothing_beside(self._question, reference):
                raise
            fresh = self._read(self._question)
            if fresh.query is None:
                raise
            return fresh
        named = all_of([self._last.anchor(int(entity)) for entity in entities])
        note = f'"{reference.text}" refers to {self._last.words_of(entities)}'
        if asks_nothing_beside(self._question, reference):
            return self._certain([(named, note)])
        kinds = tuple(sorted(self._last.schema.kinds_of_entities(entities)))[:2]
        label = self._last.schema.kg.entity_labels[int(entities[0])] if len(entities) == 1 else reference.text
        meant = Candidate(reference.start, label, label, f"({named})", kinds)
        asked = self._read(with_reference(self._question, reference, meant, label))
        best = next(iter(asked.readings), None)
        if best is None or not holds(best.query, named) or not self._says_names(best.query):
            return None
        return self._noted(asked, note, lambda query: query if holds(query, named) else None)

    def _of_pronoun(self, reference: Reference) -> ReadQuestion | None:
        """Read with a pronoun linked to the last answer; None where it refers to something else, or to nothing."""
        last = self._last
        if last.given_by is None:
            if reference.loose or reference.within:
                return None
            raise QuestionError(
                f'"{reference.text}" refers to the last answer, which names nothing: say by name what is asked about'
            )
        single = len(last.entities) == 1
        label = last.schema.kg.entity_labels[int(last.entities[0])] if single else reference.text
        written = in_place_of(self._question, reference, label) if single else label
        note = f'"{reference.text}" refers to {last.words}'
        if asks_nothing_beside(self._question, reference):
            assert last.those is not None
            return self._certain([(last.those, note)])
        kinds = tuple(sorted(last.kinds))[:2]
        meant = Candidate(reference.start, label, label, f"({last.given_by})", kinds, weight=NEVER_LEFT_OUT)
        asked = self._read(with_reference(self._question, reference, meant, written))
        found = self._of_those_linked(reference, asked, note)
        if reference.noun and not single and (found is None or found.query is None):
            found = self._of_those_by_kind(reference, note) or found
        if found is not None or reference.loose or reference.within:
            return found
        if asked.query is None:
            return replace(asked, question=self._question.prompt.question, alternatives=())
        raise QuestionError(f"{note}, of which it is not clear what is asked: say by name what is asked about")

    def _of_those_linked(self, reference: Reference, asked: ReadQuestion, note: str) -> ReadQuestion | None:
        """What was read with a pronoun linked; None where it is not taken to refer to the last answer."""
        given_by = self._last.given_by
        assert given_by is not None
        weak = reference.loose or reference.within
        best = next(iter(asked.readings), None)
        if best is None:
            return None
        if not weak:
            return self._noted(asked, note, self._of_those)
        refers = holds(best.query, given_by) and self._says_names(best.query)
        chosen_from = not reference.relative or not best.query.gives_set
        if not refers and (not chosen_from or reference.within or self._of_those(best.query) is None):
            return None
        if refers and weak and asked.query is None and (fresh := self._read(self._question)).query is not None:
            return fresh
        return self._noted(asked, note, self._of_those)

    def _of_those_by_kind(self, reference: Reference, note: str) -> ReadQuestion | None:
        """Read with "those" left out of "those countries", and asked of them in place of all; None where it cannot."""
        those, kinds = self._last.those, self._last.schema.kinds
        assert those is not None
        wholes = [Query.parse(kinds[place].query) for place in sorted(self._last.kinds)]

        def of_those(query: Query) -> Query | None:
            whole = next((one for one in wholes if holds(query, one)), None)
            return None if whole is None else exchanged(query, whole, those, lambda _: False)

        asked = self._read(with_reference(self._question, reference, None, reference.noun))
        found = self._noted(asked, note, of_those)
        return found if found is not None and found.query is not None else None

    def _of_those(self, query: Query) -> Query | None:
        """A query of the last answer's members; None where it cannot be about them, or leaves out what is named."""
        those, given_by = self._last.those, self._last.given_by
        assert those is not None and given_by is not None
        if holds(query, given_by):
            return exchanged(query, given_by, those, lambda _: False) if self._says_names(query) else None
        return self._for_unsaid(query) or narrowed(query, those, self._may_be_those)

    def _may_be_those(self, query: Query) -> bool:
        kinds = self._last.schema.kinds_of_sets.of(query)
        return not kinds or not self._last.kinds or bool(kinds & self._last.kinds)

    def _says_names(self, query: Query) -> bool:
        text = str(query)
        told: dict[int, bool] = {}
        for name in named_things(self._question):
            if name.weight >= WELL_LINKED:
                told[name.start] = told.get(name.start, False) or name.query in text
        return all(told.values())

    # What goes on with the last query -----------------------------------------------------------------------------

    def _with_names_exchanged(self) -> ReadQuestion | None:
        """The last query with names of the question in place of one of its own; None where none has their kind."""
        places: dict[int, list[Candidate]] = {}
        for name in named_things(self._question):
            places.setdefault(name.start, []).append(name)
        found: list[tuple[Query, str]] = []
        numbers = [name for name in self._question.names if name.literal]
        if numbers and places:
            return None
        if numbers:
            value = getattr(Query.parse(numbers[0].query), "value", None)
            changed = self._last.query if value is None else with_value(self._last.query, value)
            found = [(changed, f'"{numbers[0].text}" in place of the number in the last question')]
        for anchor in self._last.anchors() if places else ():
            kinds = self._last.kinds_of(anchor)
            fitting = [
                max((name for name in names if kinds & set(name.kinds)), key=lambda name: name.weight, default=None)
                for names in places.values()
            ]
            if any(name is None for name in fitting):
                continue
            others = [Query.parse(name.query) for name in fitting if name is not None]
            texts = quoted_list([name.text for name in fitting if name is not None], "and")
            note = f'{texts} in place of "{self._last.name_of(anchor)}" in the last question'
            found.append((exchanged(self._last.query, anchor, all_of(others), self._last.is_whole_kind), note))
        found = [(query, note) for query, note in found if query != self._last.query and self._can_be_asked(query)]
        return self._certain(found) if found else None

    def _with_relation_exchanged(self) -> ReadQuestion | None:
        """A relation that is all that is said, of the last answer, or of the first set of its query that has it."""
        found: list[tuple[Query, str]] = []
        for relation in asked_relations(self._question):
            for one in self._last.sets():
                way = self._way(relation, self._last.kinds_of(one))
                if way is not None:
                    name = Query.parse(f"{way}{relation.query}({one})")
                    found.append((name, self._asked_of(one)))
                    break
        found = [(query, note) for query, note in found if self._can_be_asked(query)]
        return self._certain(found) if found else None

    def _way(self, relation: RelationEntry, kinds: Kinds) -> str | None:
        """How a relation is followed from things of some kinds: "", "~", or None where it has none of them."""
        if kinds & set(relation.start):
            return ""
        return "~" if not isinstance(relation.end, str) and kinds & set(relation.end) else None

    def _asked_of(self, one: Query) -> str:
        words = self._last.words if one == self._last.those else one.verbalise(self._last.schema.kg)
        return f"asked of {words}"

    def _compared(self) -> ReadQuestion | None:
        """Whether a measure of one thing is more or less than that of another, by the measure of the last query."""
        last, measure = self._last, self._last.measure
        found = compared_with(self._question) if self._compares else None
        if found is None or not isinstance(measure, str) or not isinstance(last.those, Entity):
            return None
        candidates, more = found
        fitting = [name for name in candidates if last.kinds & set(name.kinds)]
        if not fitting:
            return None
        other = Query.parse(max(fitting, key=lambda name: name.weight).query)
        query = Exists(Compare(measure, last.those, ">" if more else "<", Project(measure, other)))
        note = f'{last.measure_words} of {last.words}, compared with that of "{candidates[0].text}"'
        return self._certain([(query, note)]) if self._can_be_asked(query) else None

    def _ranked(self, query: Query, used: list[Query]) -> Query | None:
        """A superlative of things that the question has no word for, chosen as the last query chose; None without such.

        Where the question says no measure, it is the last one's; where it does, further ones are chosen from what one
        was chosen from, since one thing leaves no choice.
        """
        last, first = self._last, innermost(query)
        if first is None or last.measure is None or not self._is_unsaid(first.source):
            return None
        source = last.ranked(first.k)
        if source is None or (not self._compares and source == last.those):
            return None
        if not self._compares and last.schema.kind_by_query(str(first.source)) not in last.kinds_of(source):
            return None
        used[:] = [source]
        changed = exchanged(query, first.source, source, lambda _: False)
        return measured_by(changed, last.measure) if self._compares else changed

    def _by_last_measure(self, query: Query) -> Query:
        """A query by the measure of the last one, where the question compares and says no measure of its own."""
        last = self._last
        if last.measure is None or not self._compares or not last.kinds & last.schema.kinds_of_sets.of(query):
            return query
        changed = measured_by(query, last.measure)
        return changed if self._can_be_asked(changed) else query

    def _as_measured_last(self, fresh: ReadQuestion) -> ReadQuestion:
        """A phrase that names what it chooses from, "and the smallest in Europe", by the measure of the last query."""
        if asks_by_itself(self._question):
            return fresh
        best = next(iter(fresh.readings), None)
        if best is None or self._by_last_measure(best.query) == best.query:
            return fresh
        return self._noted(fresh, self._measured_so, lambda query: query, shared=True) or fresh

    @property
    def _measured_so(self) -> str:
        words = self._last.measure_words
        return f"by {words}, as in the last question" if words else "by what the last question counts"

    @cached_property
    def _compares(self) -> bool:
        return self._last.measure is not None and compares_by(self._question, self._last.measure_words)

    def _gone_on_with(self, fresh: ReadQuestion) -> ReadQuestion | None:
        """Of a question that says no set of its own, the readings with the last answer in its place."""
        those = self._last.those

        def about(query: Query, used: list[Query]) -> Query | None:
            found = self._ranked(query, used) or self._for_unsaid(query, used)
            if found is None and keeps_some(self._question) and those is not None:
                used[:] = [those]
                found = narrowed(query, those, self._may_be_those)
            return found

        for place, reading in enumerate(fresh.readings):
            used: list[Query] = []
            if about(reading.query, used) is not None:
                notes = [*map(self._asked_of, used), *([self._measured_so] if self._compares else [])]
                note = "; ".join(dict.fromkeys(notes))
                return self._noted(fresh, note, lambda query: about(query, []), shared=True)
            if fresh.query is not None and not place:
                return None
        return None

    def _for_unsaid(self, query: Query, used: list[Query] | None = None) -> Query | None:
        """A query with a set of the last answer, added to `used`, for each kind that the question has no word for; None
        without."""
        schema = self._last.schema
        changed = query
        for kind in dict.fromkeys(sets_within(query, self._is_unsaid)):
            place = schema.kind_by_query(str(kind))
            instead = next((one for one in self._last.sets() if place in self._last.kinds_of(one)), None)
            if instead is None and isinstance(query, Count | Exists) and query.part == kind:
                instead = self._last.those  # what is only counted may be of any kind
            if instead is None:
                return None
            changed = exchanged(changed, kind, instead, lambda _: False)
            if used is not None:
                used.append(instead)
        return changed if changed != query else None

    def _is_unsaid(self, part: Query) -> bool:
        """Whether a set is all things of a kind that the question has no word for."""
        kind = self._last.schema.kind_by_query(str(part))
        entry = None if kind is None else self._last.schema.kinds[kind]
        return entry is not None and not (entry.named and says_kind(self._question, entry.words))

    # What is made of it -------------------------------------------------------------------------------------------

    def _can_be_asked(self, query: Query) -> bool:
        if query == self._last.those:
            return True
        try:
            check(query, self._last.schema)
        except SkylarkError:
            return False
        return True

    def _certain(self, found: Sequence[tuple[Query, str]]) -> ReadQuestion:
        asked = self._question.prompt.question
        each = [Reading(query, (note,), 1 / len(found)) for query, note in found]
        if len(found) == 1:
            return ReadQuestion(asked, found[0][0], assumed=each[0].assumed, referred=found[0][1])
        problem = f"it may go on with the last question in more than one way: {'; or '.join(n for _, n in found)}"
        return ReadQuestion(asked, None, 0.0, 0.0, tuple(each), problem=problem)

    def _noted(
        self, found: ReadQuestion, note: str, change: Callable[[Query], Query | None], shared: bool = False
    ) -> ReadQuestion | None:
        """What was read with its queries changed (or left out, None), and what was referred to said; None where nothing
        can be asked. `shared`: nothing but what is kept can be meant, so that it has all probability; else what is left
        out leaves its own to the rest, unless it is the likeliest."""
        readings = list(self._changed(found.readings, note, change))
        if not readings:
            return None
        kept = sum(reading.probability for reading in readings)
        left_out = sum(reading.probability for reading in found.readings) - kept
        if not shared and change(found.readings[0].query) is None:
            left_out = 0.0
        total = (kept if shared else max(kept, 1 - left_out)) or 1.0
        readings = [replace(reading, probability=min(1.0, reading.probability / total)) for reading in readings]
        best, *others = readings
        if best.probability < self._sure:
            asked, problem = self._question.prompt.question, found.problem or UNCLEAR
            return replace(
                found,
                question=asked,
                query=None,
                confidence=0.0,
                margin=0.0,
                alternatives=tuple(readings),
                problem=problem,
            )
        margin = best.probability - max((other.probability for other in others), default=0.0)
        return replace(
            found,
            question=self._question.prompt.question,
            query=best.query,
            confidence=best.probability,
            margin=margin,
            alternatives=tuple(others),
            assumed=best.assumed,
            unread=(),
            problem="",
            referred=note,
        )

    def _changed(
        self, readings: Sequence[Reading], note: str, change: Callable[[Query], Query | None]
    ) -> Iterator[Reading]:
        """The readings that can be asked so, those that come to the same together, best first."""
        found: dict[Query, Reading] = {}
        for reading in readings:
            query = change(reading.query)
            if query is not None and self._can_be_asked(query):
                measured = self._by_last_measure(query)
                notes = dict.fromkeys((note,) if measured == query else (note, self._measured_so))
                query = measured
                noted = replace(reading, query=query, assumed=(*notes, *reading.assumed), probability=0.0)
                first = found.get(query, noted)
                found[query] = replace(first, probability=first.probability + reading.probability)
        return iter(sorted(found.values(), key=lambda reading: -reading.probability))
