"""Questions of yes or no: a subject and what is said of it, as a query whose answer is a truth value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from reasoning.query.tree import Entity, Exists, Project
from reasoning.reading.english.word_forms import only_noun
from reasoning.reading.lexicon import Kind
from reasoning.reading.rules.assembling import noted
from reasoning.reading.rules.chart import Cell, Phrase
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading

MOST_KINDS = 5
"""Steps from a thing to the kinds of its kind that are taken."""

ANY = "read as: is there any"


def statements(left: Cell, right: Cell, ground: Grounding) -> Iterator[GroundedReading]:
    """ "Does France border Spain?", "Do France and Spain share a border?"."""
    for subject in left.get("noun", ()):
        if subject.objects is None or subject.bare:
            continue
        sources = subject.objects.sources
        if len(sources) == 2:
            for relation in right.get("relation", ()):
                if relation.use is None:
                    continue
                try:
                    found = ground.apply(relation.use, sources[0], "from")
                except NoReading:
                    continue
                for reading in found[:2]:
                    yield truth_of(ground.both(reading, sources[1][0])).at(subject.cost + relation.cost)
        if len(sources) > 1:
            yield from _of_several(subject, right, ground)
            continue
        yield from _of_type(subject, right, ground)
        for relation in right.get("relation", ()) if subject.named else ():
            if relation.use is None or not only_noun(relation.text):
                continue
            try:  # "does Chad have neighbours"
                for reading in ground.apply(relation.use, sources[0], "from", relation.type, fixed=True)[:1]:
                    if not reading.values:
                        yield truth_of(reading).at(subject.cost + relation.cost + 0.1)
            except NoReading:
                continue
        for predicate in right.get("predicate", ()):
            for base in sources[0][:3]:
                if base.values or predicate.predicate is None or predicate.value == "of":
                    continue
                try:
                    found = predicate.predicate.readings(ground, None, base)
                except NoReading:
                    continue
                for reading in found[:2]:
                    told = reading if subject.named else noted(reading, ANY)
                    yield truth_of(told).at(subject.cost + predicate.cost)
        for other in right.get("noun", ()):
            if other.objects is not None and subject.named and not other.named and not other.bare:
                for base in sources[0][:2]:  # "is Sydney Australia's capital"
                    for reading in other.objects.sources[0][:1]:
                        if not reading.values and ground.may_meet((base, reading)):
                            yield truth_of(ground.both(base, reading)).at(subject.cost + other.cost + 0.05)
            if other.objects is not None and other.named and not subject.named and len(other.objects.sources) == 1:
                for base in sources[0][:2]:
                    if not base.values and ground.may_meet((base, other.objects.sources[0][0])):
                        whole = ground.both(base, other.objects.sources[0][0])
                        yield truth_of(whole).at(subject.cost + other.cost)


def kind_statements(left: Cell, right: Cell, ground: Grounding) -> Iterator[GroundedReading]:
    """ "Is a whale an animal?", in a graph that says what is a kind of what."""
    name = ground.lexicon.kind_relation
    if name is None or ground.lexicon.type_relation is not None:
        return
    for subject, other in product(left.get("noun", ()), right.get("noun", ())):
        if subject.objects is None or other.objects is None or not (subject.named and other.named):
            continue
        if len(subject.objects.sources) == len(other.objects.sources) == 1:
            base, target = subject.objects.sources[0][0], other.objects.sources[0][0]
            steps = [ground.step(name, base, False)]
            while len(steps) < MOST_KINDS and len(steps[-1].members):
                steps.append(ground.step(name, steps[-1], False))
            there = next((step for step in steps if np.isin(target.members, step.members).all()), steps[0])
            yield truth_of(ground.both(there, target)).at(subject.cost + other.cost)


def _of_type(subject: Phrase, right: Cell, ground: Grounding) -> Iterator[GroundedReading]:
    """ "Is Lima a city?", whatever else is called Lima."""
    assert subject.objects is not None
    for phrase in right.get("type", ()) if subject.named and ground.lexicon.type_relation is not None else ():
        if phrase.type is not None and phrase.type.entity is not None:
            typed = ground.of_type(phrase.type.entity).at(phrase.type.cost)
            found = [ground.both(base, typed) for base in subject.objects.sources[0]]
            told = next((one for one in found if len(one.members)), found[0])
            yield truth_of(replace(told, cost=typed.cost)).at(subject.cost)


def _of_several(subject: Phrase, right: Cell, ground: Grounding) -> Iterator[GroundedReading]:
    """ "Do France and Spain both use the euro?", "Do they use the same currency?"."""
    assert subject.objects is not None
    bases = [options[0] for options in subject.objects.sources]
    for predicate in right.get("predicate", ()):
        if predicate.predicate is None:
            continue
        for kind in ground.kinds(bases[0].members)[:1]:
            try:
                found = predicate.predicate.readings(ground, Kind("it", int(kind)))
            except NoReading:
                continue
            for reading in found[:2]:
                query = reading.query
                if subject.objects.joint == "or":
                    yield truth_of(ground.both(reading, ground.either(*bases))).at(subject.cost + predicate.cost)
                elif isinstance(query, Project) and isinstance(query.source, Entity):
                    target = GroundedReading(query.source, ground.members_of(query.source))
                    reached = [ground.step(query.relation, base, not query.inverse) for base in bases]
                    whole = replace(ground.both(*reached, target), notes=reading.notes, cost=reading.cost)
                    yield truth_of(whole).at(subject.cost + predicate.cost)
    for phrase in (*right.get("sharing", ()), *right.get("co-relation", ())):
        if phrase.use is not None:
            try:
                reached = [ground.apply(phrase.use, options, "from")[0] for options in subject.objects.sources]
            except NoReading:
                continue
            if not any(reading.values for reading in reached):
                yield truth_of(ground.both(*reached)).at(subject.cost + phrase.cost)


def truth_of(reading: GroundedReading) -> GroundedReading:
    """Whether there is anything of what a reading denotes."""
    rivals = tuple(Exists(rival) for rival in reading.rivals)
    return replace(reading, query=Exists(reading.query), values=False, rivals=rivals)
