"""From the restrictions of a noun to one set: what a question's parts mean together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.query.tree import Entity, Project, Union
from reasoning.reading.lexicon import Kind
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading, is_entity
from reasoning.reading.rules.measures import Comparison, Superlative, whole_with
from reasoning.wording.verbalise import label_words

NOTHING_MEETS, NOTHING_MEETS_UNTYPED = 0.15, 0.25
"""What it costs where nothing is in all of several sets: of two namesakes, the one that something fits is meant.
The second figure is for graphs whose types cannot say that there could be something."""


@dataclass(frozen=True)
class Part:
    """One restriction of a noun: a set to meet, or a choice among its members by their values."""

    reading: GroundedReading | None = None
    choice: Comparison | Superlative | None = None
    negated: bool = False
    alternative: bool = False


def assembled(
    ground: Grounding, want: Kind | None, base: GroundedReading | None, parts: Sequence[Part], reason: str = ""
) -> GroundedReading:
    """One set of a base or a type and its restrictions; "or" parts them into alternatives.

    Args:
        ground: puts the restrictions to the graph.
        want: what is looked for, None where the words do not say.
        base: the set that is restricted, None where the type alone says it.
        parts: the restrictions, in the question's order.
        reason: why an earlier reading failed, said where there is nothing to restrict.

    Raises:
        NoReading: nothing says what is looked for, or the restrictions do not fit it.
    """
    groups: list[list[Part]] = [[]]
    for part in parts:
        if part.alternative and groups[-1]:
            groups.append([])
        groups[-1].append(part)
    readings = [_narrowed(ground, want, base, group, reason) for group in groups]
    if len(readings) == 1:
        return readings[0]
    if any(len(group) > 1 for group in groups):
        raise NoReading('"and" beside "or" may bind either way; ask in two questions')
    return ground.either(*readings)


def _narrowed(
    ground: Grounding, want: Kind | None, base: GroundedReading | None, parts: Sequence[Part], reason: str
) -> GroundedReading:
    kept = [part.reading for part in parts if part.reading is not None and not part.negated]
    kept += [base] if base is not None else []
    if kept:
        whole = kept[0] if len(kept) == 1 else ground.both(*kept)
        if len(kept) > 1 and not len(whole.members) and not ground.may_meet(kept):
            raise NoReading(f"nothing can be in all of {', '.join(str(part.query) for part in kept)}")
        if not len(whole.members) and not any(is_entity(part) for part in kept):
            whole = whole.at(NOTHING_MEETS if ground.lexicon.type_relation is not None else NOTHING_MEETS_UNTYPED)
        result = ground.restrict(whole, want)
    elif dropped_only(ground, want, parts):
        result, parts = ground.other_than(parts[0].reading).at(0.25), parts[1:]  # type: ignore[arg-type]
    elif want is not None and want.entity is not None:
        result = ground.of_type(want.entity).at(want.cost)
    elif parts and parts[0].choice is not None and not tells(want):
        result = whole_with(ground, parts[0].choice)
        result = ground.restrict(result, want) if want is not None else result
    elif anything(want) and parts and parts[0].reading is not None and parts[0].negated:
        result = _otherwise(ground, parts[0].reading)
        left = [part.reading.members for part in parts if part.reading is not None and part.negated]
        if not len(np.setdiff1d(result.members, np.concatenate(left))):
            raise NoReading("of nothing that is left the graph says anything of the kind; say what you look for")
    else:
        raise NoReading(reason or "nothing in it says what is looked for")
    denied = {part.reading.query for part in parts if part.negated and part.reading is not None}
    if any(part.query in denied for part in kept):
        raise NoReading("it asks for what is and is not so at once")
    for part in parts:
        if part.negated and part.reading is not None and not ground.may_meet((result, part.reading)):
            raise NoReading(f"{part.reading.query} is not among {result.query} anyway")
    dropped = [ground.other_than(part.reading) for part in parts if part.reading is not None and part.negated]
    result = ground.both(result, *dropped) if dropped else result
    for part in parts:
        choice = part.choice.negated() if part.negated and isinstance(part.choice, Comparison) else part.choice
        result = choice.put_to(result, ground.kg) if choice is not None else result
    return result


def anything(want: Kind | None) -> bool:
    """Whether the words leave open what is looked for: "who", "what"."""
    return want is None or (not tells(want) and want.cost == 0)


def tells(want: Kind | None) -> bool:
    """Whether the graph knows what is of a kind."""
    return want is not None and (want.entity is not None or want.members is not None)


def _otherwise(ground: Grounding, reading: GroundedReading) -> GroundedReading:
    """What stands in the relation of a reading to something else: of "who does not like chess", who likes anything.

    Raises:
        NoReading: the reading is no step from a name, or the graph has types, which should be said.
    """
    queries = reading.query.parts if isinstance(reading.query, Union) else (reading.query,)
    steps = [query for query in queries if isinstance(query, Project)]
    untyped = ground.lexicon.type_relation is None
    if not untyped or len(steps) < len(queries) or len({(step.relation, step.inverse) for step in steps}) != 1:
        raise NoReading("nothing in it says what is looked for")
    sources = tuple(dict.fromkeys(step.source for step in steps))
    source = sources[0] if len(sources) == 1 else Union(sources)
    if not all(isinstance(one, Entity) for one in sources):
        raise NoReading("nothing in it says what is looked for")
    named = np.unique(np.concatenate([ground.members_of(one) for one in sources if isinstance(one, Entity)]))
    others = ground.other_than(GroundedReading(source, named))
    found = ground.step(steps[0].relation, others, steps[0].inverse)
    note = f"looked among all of which the graph says {label_words(steps[0].relation)}"
    return replace(found, notes=(*reading.notes, note), cost=reading.cost)


def dropped_only(ground: Grounding, want: Kind | None, parts: Sequence[Part]) -> bool:
    """Whether all that is said is what something is not, in a graph without types: "nations without an embassy"."""
    untyped = ground.lexicon.type_relation is None and want is not None and want.entity is None
    return untyped and bool(parts) and parts[0].negated and parts[0].reading is not None


def noted(reading: GroundedReading, note: str) -> GroundedReading:
    """The reading with a note on what was assumed, "" for none."""
    return replace(reading, notes=(*reading.notes, note)) if note else reading
