"""From the text of an instruction to a typed task, by rules and the meaning of words, without a language model."""

from __future__ import annotations

from functools import lru_cache

from vision.classes import Matcher
from vision.errors import InstructionError
from vision.reading.instructions.assembling import assemble
from vision.reading.instructions.phrases.bounds import read_bounds
from vision.reading.instructions.phrases.class_sets import read_class_sets
from vision.reading.instructions.phrases.coordinates import read_centres
from vision.reading.instructions.phrases.courtesies import read_courtesies
from vision.reading.instructions.phrases.keys import read_keys
from vision.reading.instructions.phrases.kinds import read_kinds
from vision.reading.instructions.phrases.output import read_output, read_scores
from vision.reading.instructions.phrases.ranks import read_counts, read_ranks
from vision.reading.instructions.phrases.regions import read_regions
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.phrases.settings import read_settings
from vision.reading.instructions.phrases.sizes import read_bare_sizes
from vision.reading.instructions.phrases.tuple_specs import read_tuple_specs
from vision.reading.instructions.sentences.sentences import parse_sentences
from vision.reading.instructions.source import Source
from vision.reading.instructions.words.emoji import emoji_name
from vision.task import Task

MAX_CHARACTERS = 200_000
"""Room for some ten thousand classes; a longer text is no instruction."""


def check(text: str) -> None:
    """Refuse what is no instruction.

    Raises:
        InstructionError: it is empty or too long.
    """
    if not any(character.isalnum() or emoji_name(character) for character in text):
        raise InstructionError('the instruction is empty: expected a text such as "find the red cars" or a class set')
    if len(text) > MAX_CHARACTERS:
        raise InstructionError(f"the instruction has {len(text)} characters: expected at most {MAX_CHARACTERS}")


@lru_cache(maxsize=256)
def read_by_rules(text: str, matcher: Matcher) -> Task:
    """Read an instruction by rules.

    The last tasks are kept by text and matcher, so the same instruction for many images costs nothing.

    Args:
        text: the instruction.
        matcher: what words mean among the classes of the detector.

    Raises:
        InstructionError: the text is empty, too long, contradicts itself, or asks for what no part of it allows.
    """
    check(text)
    reading = Reading(Source(text))
    read_keys(reading)
    read_tuple_specs(reading)
    class_sets = read_class_sets(reading)
    read_courtesies(reading)
    read_kinds(reading)
    read_ranks(reading)
    read_bounds(reading)
    read_counts(reading)
    read_output(reading)
    read_regions(reading)
    read_settings(reading)
    read_bare_sizes(reading)
    read_centres(reading)
    read_scores(reading)
    sentences = parse_sentences(reading, class_sets)
    return assemble(text, reading, sentences, matcher)
