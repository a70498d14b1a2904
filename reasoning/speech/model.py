"""Speech models behind one interface: a recording goes in, transcripts come out.

Whisper writes words for silence, noise and music too ("Thank you."), and most speech models do. So each recording is
first listened to by a detector of voices. A word that begins with the recording is often lost, since models were
taught on speech that stands between pauses: half a second of silence is put before and behind.

A speech model hears "land barrier" for "land area" until it knows the topic. Whisper is told so by a text that is
taken to have been said just before, and a search may prefer names. Both are taken from the graph alone, and no
question is known to them.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from babel import Locale
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import fold, label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import It, Project
from reasoning.speech.audio import SAMPLE_RATE, Audio, NoSpeechError, NoWordsError
from reasoning.verbalization.queries import verbalise
from reasoning.verbalization.words import plural
from skylark.installation import require

_NEWER_CODES = {"jw": "jv"}
"""Whisper's code of a language where it is another than that of ISO 639."""


@dataclass(frozen=True)
class Transcript:
    """The words of a recording, or of what has come of it so far.

    Attributes:
        text: what was said, with the model's punctuation.
        language: the language's code in ISO 639, such as "en"; None where the model tells none.
        probability: that it is this language, 0 to 1; None where the model tells none.
        seconds: of sound that was listened to.
        final: whether all of the recording was heard; the text of a partial transcript may still change.
    """

    text: str
    language: str | None
    probability: float | None
    seconds: float
    final: bool = True

    @property
    def language_name(self) -> str:
        """The language in English, such as "German"."""
        return language_name(self.language) if self.language else "an unknown language"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "text": self.text,
            "language": self.language,
            "language_probability": None if self.probability is None else round(self.probability, 3),
            "seconds": round(self.seconds, 2),
        }


def language_name(code: str) -> str:
    """A language's name in English by its code; the code itself where the name is not known."""
    name: str = Locale("en").languages.get(_NEWER_CODES.get(code, code), code)
    return name


MOST_BEFORE = 200
"""Characters that are said to have been said; of more Whisper-base takes what it was told for what was said."""

KINDS_BEFORE = 3
"""Kinds of things that are named there."""

LONGEST_NAME = 60
"""Characters of a name that people say whole."""

MOST_NAMES = 5000
"""Names of the best known things that a search for what was said prefers; of 20,000 it finds no more."""

MOST_OF_END = 300
"""Names at an end of a relation that are preferred as well: of a currency little is said, and it is asked about."""

MOST_OF_ENDS = 12_000
"""Names at all ends of relations, as many at each."""

_SENTENCES = re.compile(r"(?<=[?!])\s+")

_NAMESAKE = re.compile(r" \(.*\)$")

_WORDS = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")

_NAME = re.compile(r"(?=[+.]|.*[^\W\d_])[+.]?[^\W_]+(?:(?:\. |[ '’-])[^\W_]+)*")


@dataclass(frozen=True)
class Topic:
    """What a speech model expects: a text `before`, in whose manner it goes on, and phrases that a search prefers."""

    before: str = ""
    phrases: tuple[str, ...] = ()


ANYTHING = Topic()
"""Nothing is expected."""


def spoken_topic(kg: KnowledgeGraph) -> Topic:
    """What is likely in questions about a graph.

    Before them stand short questions about its kinds and relations. The phrases are the words of relations and kinds,
    nouns in both numbers, and names, without what tells namesakes apart in brackets. Words of other signs than letters
    are left out, as are names that are spelled otherwise than they are said ("Asia/Ho_Chi_Minh") and bare numbers,
    which questions are full of.
    """
    kinds = GraphKinds(kg)
    types = kg.type_names if kinds.type_relation is None else [kg.entity_labels[kind] for kind in kinds.types]
    things = [words for words in map(label_words, types) if _is_said(words, _WORDS)]
    relations = {name: words for name in kg.relation_names() if _is_said(words := label_words(name), _WORDS)}
    asked = {name: verbalise(Project(name, It()), kg) for name in relations if name != kinds.type_relation}
    properties = [name for name, what in asked.items() if not what.startswith("what ")]  # "what it borders"
    nouns = [*(relations[name] for name in properties), *things]
    names = (name for known in _known(kg) if _is_said(name := _NAMESAKE.sub("", known), _NAME))
    phrases = chain(relations.values(), things, map(plural, filter(str.isascii, nouns)), names)
    counted = [plural(thing) for thing in things if thing.isascii()][:KINDS_BEFORE]
    questions = [
        *(f"{'How many' if place else 'Which'} {several} are there?" for place, several in enumerate(counted)),
        *(f"What is {asked[name]}?" for name in properties if name.isascii()),
    ]
    return Topic(_fitting(questions), tuple(dict.fromkeys(phrases)))


def echoes(text: str, before: str) -> bool:
    """Whether a text holds one of the sentences that were taken to have been said before, or is a part of one.

    Of what it does not understand Whisper says once more what it was told.
    """
    said = f" {fold(text)} "
    sentences = (f" {fold(sentence)} " for sentence in _SENTENCES.split(before) if sentence)
    return any(sentence in said or said in sentence for sentence in sentences)


def _is_said(words: str, form: re.Pattern[str]) -> bool:
    return len(words) <= LONGEST_NAME and form.fullmatch(words) is not None


def _fitting(sentences: Iterable[str]) -> str:
    """Those for which there is room, the first ones first."""
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".strip()
        text = longer if len(longer) <= MOST_BEFORE else text
    return text


def _known_best(kg: KnowledgeGraph, entities: Ids, most: int) -> Iterator[str]:
    first = np.argsort(-kg.index.degrees(entities), kind="stable")[:most]
    yield from (kg.entity_labels[entity] for entity in entities[first].tolist())


def _known(kg: KnowledgeGraph) -> Iterator[str]:
    """Names of what is known best, in all and at each end of a relation; of a graph on a server none, where that would
    have to be asked."""
    if kg.server is not None:
        return
    yield from _known_best(kg, kg.universe, MOST_NAMES)
    most = min(MOST_OF_END, MOST_OF_ENDS // max(1, 2 * kg.relation_count))
    for relation in range(kg.relation_count):
        for inverse in (False, True):
            yield from _known_best(kg, kg.index.ends(relation, inverse), most)


log = logging.getLogger(__name__)

LEAST_SPEECH = 0.2
"""Seconds in which somebody speaks, below which nothing can be asked."""

PAUSE = 0.5
"""Seconds of silence before and behind a recording."""

WINDOW = 30
"""Seconds that are heard at once, which is what Whisper was taught on."""

SLOWER = 0.85
"""The tempo at which quick voices are heard best."""

TEMPOS = (1.0, 0.92, SLOWER, 0.8, 0.72)
"""At which a recording is heard again, all at once; chosen on development questions. With three of them fewer are heard
right, with two more that keep the pitch no more."""

MOST_OF_HEARING = 4
"""Texts of each; further ones are hardly ever what was said."""

SILENT = 0.001
"""Loudest sample (of 1) up to which a recording is called silent."""


@dataclass(frozen=True)
class Hypothesis:
    """What may have been said, and its log-probability in nats, with what its expected phrases add."""

    text: str
    score: float


class SpeechModel(ABC):
    """Hears what is said in recordings; safe to use from several threads."""

    name: str

    def partials(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Iterator[Transcript]:
        """What is said, as it is heard: each transcript has the text up to a later point, the last is final.

        Args:
            audio: the recording.
            expected: codes of languages that are likely: one of them is taken where the model is in doubt.
            before: what is taken to have been said before, see `Topic`; a model that takes none hears without, and
                one that says a sentence of it once more is asked again without.

        Raises:
            NoSpeechError: nobody speaks in it, or (NoWordsError) no word is understood.
            SpeechError: the model fails.
        """
        spoken = seconds_of_speech(audio)
        if spoken < LEAST_SPEECH:
            kind = "silent" if np.abs(audio.samples).max(initial=0.0) <= SILENT else "noise or music at most"
            raise NoSpeechError(
                f"Nobody speaks in {audio.name}: its {audio.seconds:.1f} seconds are {kind}; is the microphone on, and "
                "near enough?"
            )
        padded = Audio(np.pad(audio.samples, round(PAUSE * SAMPLE_RATE)), audio.name)
        for transcript in self._heard(padded, expected, before):
            if transcript.final and echoes(transcript.text, before):
                *_, transcript = self._heard(padded, expected, "")
            if transcript.final and not transcript.text:
                raise NoWordsError(
                    f"No words are understood in {audio.name}: it may hold music or noise; ask again", transcript
                )
            yield replace(transcript, seconds=min(max(transcript.seconds - PAUSE, 0.0), audio.seconds))

    def transcript(self, audio: Audio, expected: Sequence[str] = (), before: str = "") -> Transcript:
        """What is said in all of a recording; see `partials`."""
        *_, last = self.partials(audio, expected, before)
        return last

    def others(self, audio: Audio, language: str, topic: Topic = ANYTHING) -> Iterator[list[Hypothesis]]:
        """What else may have been said, the likeliest first: after what was said before, then without it, once wanted.

        Nothing comes of a model that does not tell, where the recording is longer than `WINDOW`, of what only echoes
        `topic.before`, and after a search that failed, which is logged: what was heard before stands.

        Args:
            audio: the recording.
            language: the code of its language.
            topic: what is expected.
        """
        try:
            windows = [np.pad(_at_tempo(audio.samples, tempo), round(PAUSE * SAMPLE_RATE)) for tempo in TEMPOS]
            windows = [samples for samples in windows if len(samples) <= WINDOW * SAMPLE_RATE]
            for told in dict.fromkeys((topic, replace(topic, before=""))) if windows else ():
                found = self._hypotheses(windows, language, told)
                found = [one for one in found if not echoes(one.text, told.before)]
                if found:
                    yield found[:MOST_OF_HEARING]
        except Exception as error:  # torch, transformers and CTranslate2 raise whatever they like
            log.warning("what else %s may have heard is not looked for: %s", self.name, error)

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        """What may have been said in a recording, whose windows have it at several tempos, the likeliest first; [] of a
        model that does not tell. What is expected alone differs from one call to the next for the same windows."""
        return []

    @abstractmethod
    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        """What is said in a recording in which somebody speaks; the last transcript is final."""


def seconds_of_speech(audio: Audio) -> float:
    """For how long somebody speaks in a recording, by Silero's detector of voices (MIT), which faster-whisper
    carries.

    Raises:
        MissingPackageError: the extra `speech` is not installed.
    """
    require("Hearing a question", "faster_whisper")
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if not len(audio.samples):
        return 0.0
    stretches = get_speech_timestamps(audio.samples, VadOptions(min_silence_duration_ms=300, speech_pad_ms=0))
    return float(sum(stretch["end"] - stretch["start"] for stretch in stretches)) / SAMPLE_RATE


def likeliest_language(
    samples: NDArray[np.float32],
    expected: Sequence[str],
    listen: Callable[[NDArray[np.float32]], Mapping[str, float]],
    likely: float,
    chances: Mapping[str, float] | None = None,
) -> tuple[str, float]:
    """The language that is spoken, and its probability: an expected one where it is the likeliest, and
    likely enough.

    Where none is, the recording is listened to once more, slower: quick voices that are English sound like Thai. An
    expected language is then spoken that is so there, or the likeliest both times; else the likeliest other one.

    Args:
        samples: the recording.
        expected: codes of languages; () where any may be spoken.
        listen: gives the probability of each language of a recording, by its code.
        likely: probability from which an expected language is taken that is the likeliest.
        chances: what it gives for this one, where that is known.
    """
    chances = listen(samples) if chances is None else chances
    first = max(chances, key=chances.__getitem__)
    if not expected or (first in expected and chances[first] >= likely):
        return first, chances[first]
    slower = listen(_at_tempo(samples, SLOWER))
    likeliest = max(slower, key=slower.__getitem__)
    if likeliest in expected and (slower[likeliest] >= likely or likeliest == first):
        return likeliest, slower[likeliest]
    others = [code for code in slower if code not in expected] or list(slower)
    mean = {code: (chances.get(code, 0.0) + slower[code]) / 2 for code in others}
    other = max(mean, key=mean.__getitem__)
    return other, mean[other]


def _at_tempo(samples: NDArray[np.float32], tempo: float) -> NDArray[np.float32]:
    """A recording slower, and as much lower, as a tape is that runs slowly."""
    places = np.arange(int(len(samples) / tempo)) * tempo
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)
