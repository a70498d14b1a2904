"""Spoken questions heard: the transcript that can be read, its language checked, live transcripts.

The hypotheses of a speech model differ in a word or two ("which country's", "which countries"), and the parser knows
which of them can be asked of the graph. It is the rescoring of n-best lists (Ostendorf et al. 1991) with the
probability of a reading in place of a larger language model's: a text's score is the mean over all hearings of its
log-probability, relative to the likeliest text of the hearing, and a weight times that of its reading.

A question that is still being spoken is heard anew each time: Whisper looks at 30 seconds at once, so that more sound
costs it no more, and mends what it misheard at the end of the last piece.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import quoted_list
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing import understand
from reasoning.speech.audio import (
    SAMPLE_RATE,
    USUAL_LIMITS,
    Audio,
    AudioLimits,
    AudioSource,
    NoSpeechError,
    NoWordsError,
    Resampler,
    Samples,
    SpokenLanguageError,
    load_audio,
)
from reasoning.speech.model import ANYTHING, Hypothesis, SpeechModel, Topic, Transcript, language_name, spoken_topic
from reasoning.speech.whisper import PACKAGED, open_speech_model
from skylark.errors import SkylarkError

PATIENCE = 30.0
"""Seconds after which a recording is not heard again, on machines that are slow or busy."""

WEIGHT = 2.0
"""Of the log-probability of a reading. With 1 and 3 the same development questions are right."""

UNHEARD = -6.0
"""Nats: the least relative log-probability of a text, which those have that are not among a hearing's."""

ENOUGH = 0.9
"""Probability of a reading from which a text is not doubted that two hearings put first."""

ALIKE = 2
"""Hearings that have the same text where no word was understood at first."""


def chosen(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Transcript:
    """What was heard, with the words that can be asked where others than these may have been said.

    Where none can be asked, those are taken that two hearings put first, if there are such; what was heard counts as
    one.
    """
    choice = _heard_again(transcript, audio, kg, model)
    text = (choice.best() or choice.often_first()) if choice.hearings else None
    return transcript if text is None else replace(transcript, text=text)


def heard_alike(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Transcript | None:
    """What `ALIKE` hearings have in the same words and can be asked; None where nothing is.

    For a recording of which no word was understood: a search that prefers names finds some in any noise, and hardly the
    same ones with what was said before and without. Of a graph about which nothing stands before there is one hearing.
    """
    if not spoken_topic(kg).before:
        return None
    text = _heard_again(transcript, audio, kg, model, ALIKE).best(ALIKE)
    return None if text is None else replace(transcript, text=text)


def _heard_again(
    transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel, alike: int = 0
) -> Choice:
    """What is heard until it is settled, or patience ends."""
    choice = Choice(lambda text: sureness(text, kg))
    choice.heard_first(transcript.text)
    began = time.monotonic()
    for hypotheses in model.others(audio, transcript.language or "en", spoken_topic(kg)):
        choice.add(hypotheses)
        if time.monotonic() - began >= PATIENCE or choice.is_settled(alike):
            break
    return choice


class Choice:
    """The texts of all hearings so far; those that signs and capitals tell apart are one.

    Args:
        sure: gives the probability of a text's reading, 0 to 1; 0 where it has none. Each text is read once, and only
            if it may be the best.

    Attributes:
        hearings: of each the relative log-probabilities, by the text's words.
    """

    def __init__(self, sure: Callable[[str], float]) -> None:
        self.hearings: list[dict[str, float]] = []
        self._sure = sure
        self._texts: dict[str, str] = {}
        self._first: Counter[str] = Counter()
        self._read: dict[str, float] = {}

    def heard_first(self, text: str) -> None:
        """Take what was heard before all hearings, where that is anything: it counts as what one of them puts first."""
        if text:
            self._texts.setdefault(fold(text), text)
            self._first[fold(text)] += 1

    def add(self, hypotheses: Sequence[Hypothesis]) -> None:
        """Take what a hearing has, the likeliest first."""
        hearing: dict[str, float] = {}
        for one in hypotheses:
            self._texts.setdefault(fold(one.text), one.text)
            hearing.setdefault(fold(one.text), max(one.score - hypotheses[0].score, UNHEARD))
        self.hearings.append(hearing)
        self._first.update([fold(one.text) for one in hypotheses[:1]])

    def best(self, alike: int = 0) -> str | None:
        """The text with the highest score of those in so many hearings `alike`; None where none can be read."""
        heard = {
            words: sum(hearing.get(words, UNHEARD) for hearing in self.hearings) / max(1, len(self.hearings))
            for words in self._texts
            if sum(words in hearing for hearing in self.hearings) >= alike
        }
        found, highest = None, -math.inf
        for words in sorted(heard, key=heard.__getitem__, reverse=True):
            if heard[words] <= highest:
                break  # no reading makes it better
            sure = self._sureness(words)
            if sure and (score := heard[words] + WEIGHT * math.log(sure)) > highest:
                found, highest = self._texts[words], score
        return found

    def often_first(self) -> str | None:
        """The text that most hearings put first, two at least; None where there is none."""
        ((words, times),) = self._first.most_common(1) or [("", 0)]
        return self._texts[words] if times > 1 else None

    def is_settled(self, alike: int = 0) -> bool:
        """Whether two hearings put the best text (see `best`) first, and it is read surely."""
        sure = [words for words, times in self._first.items() if times > 1 and self._sureness(words) >= ENOUGH]
        return bool(sure) and fold(self.best(alike) or "") in sure

    def _sureness(self, words: str) -> float:
        if words not in self._read:
            self._read[words] = self._sure(self._texts[words])
        return self._read[words]


def sureness(text: str, kg: KnowledgeGraph) -> float:
    """The probability of the reading of a question; 0 where it has none that is asked, or nothing can read it."""
    try:
        found = understand(text, kg)
    except SkylarkError:
        return 0.0
    return found.confidence if found.query is not None else 0.0


ASKABLE = ("en",)
"""Codes of the languages in which questions are read."""


def hear_question(
    source: AudioSource | Audio,
    kg: KnowledgeGraph | None = None,
    model: str | SpeechModel = PACKAGED,
    limits: AudioLimits = USUAL_LIMITS,
) -> Transcript:
    """The question that is spoken in a recording; nothing is answered.

    Args:
        source: a path, the bytes of a file, an open binary file, or (samples a second, array) as Gradio gives it.
        kg: the graph that will be asked: its names and relations are what the model is told to expect, and of what may
            have been said that is taken which was likely heard and can be asked (`reasoning.speech.hearing`).
        model: see `open_speech_model`.
        limits: the most that is heard.

    Raises:
        AudioError: the recording cannot be read, or is beyond the limits.
        NoSpeechError: nobody speaks in it.
        SpokenLanguageError: it is in another language than questions are read in; the error holds the transcript.
        SpeechError: there is no such model, or it fails.
        MissingPackageError: the extra `speech` is not installed.
    """
    model, audio = _opened(model), load_audio(source, limits)
    try:
        *_, last = partial_questions(audio, kg, model, limits)
    except NoWordsError as error:
        if kg is None or error.transcript.language not in ASKABLE:
            raise
        found = heard_alike(error.transcript, audio, kg, model)
        if found is None:
            raise
        return found
    return last if kg is None else chosen(last, audio, kg, model)


def partial_questions(
    source: AudioSource | Audio,
    kg: KnowledgeGraph | None = None,
    model: str | SpeechModel = PACKAGED,
    limits: AudioLimits = USUAL_LIMITS,
) -> Iterator[Transcript]:
    """What is heard of a spoken question, as it is heard; `hear_question` may take other words than the last ones.

    A recording is heard in stretches of up to 30 seconds. Of one that is still under way `LiveTranscription` gives the
    text every second.
    """
    model, audio = _opened(model), load_audio(source, limits)
    for transcript in model.partials(audio, ASKABLE, "" if kg is None else spoken_topic(kg).before):
        if transcript.final:
            check_language(transcript)
        yield transcript


def _opened(model: str | SpeechModel) -> SpeechModel:
    return open_speech_model(model) if isinstance(model, str) else model


def check_language(transcript: Transcript) -> None:
    """Make sure that a question was spoken in a language in which questions are read: else a SpokenLanguageError."""
    if transcript.language is None or transcript.language in ASKABLE:
        return
    sure = "" if transcript.probability is None else f" (probability {transcript.probability:.2f})"
    readable = quoted_list([language_name(code) for code in ASKABLE]).replace('"', "")
    raise SpokenLanguageError(
        f"The recording is in {transcript.language_name}{sure}, and questions are read in {readable}: ask in "
        f"{readable}. Heard: {transcript.text}",
        transcript,
    )


EVERY = 1.0
"""Seconds of sound after which the text is given anew."""


class LiveTranscription:
    """Hears one recording while it is made; for one thread at a time. With phrases in the topic the whole is what
    `SpeechModel.others` tells first; without, and of a model that tells no others, it is heard as its parts are."""

    def __init__(
        self,
        model: SpeechModel,
        expected: tuple[str, ...] = (),
        topic: Topic = ANYTHING,
        limits: AudioLimits = USUAL_LIMITS,
    ) -> None:
        self._model, self._expected, self._topic = model, expected, topic
        self._resampler = Resampler(limits=limits)
        self._pieces: list[NDArray[np.float32]] = []
        self._new = self._took = 0.0

    def add(self, piece: Samples) -> Transcript | None:
        """Take the next piece, shape (n,) or (n, channels); the text so far, where enough has come since the last, and
        somebody has spoken. An AudioError where it has another form than those before, or is beyond the limits.

        Args:
            piece: samples a second, and the samples: integers or floats, shape (n,) or (n, channels).

        Raises:
            AudioError: it is not of the form of the pieces before, or the recording grows beyond the limits.
            SpeechError: the model fails.
        """
        samples = self._resampler.add(piece)
        self._pieces.append(samples)
        self._new += len(samples) / SAMPLE_RATE
        if self._new < max(EVERY, self._took):
            return None
        started = time.monotonic()
        try:
            transcript = self._transcript()
        except NoSpeechError:  # nobody has spoken yet
            return None
        finally:
            self._new, self._took = 0.0, time.monotonic() - started
        return replace(transcript, final=False)

    def finish(self, piece: Samples | None = None) -> Transcript:
        """What was said in all, with the last piece, where some is left; errors as for `add`, and NoSpeechError.

        Raises:
            AudioError: see `add`.
            NoSpeechError: nobody has spoken.
            SpeechError: the model fails.
        """
        if piece is not None:
            self._pieces.append(self._resampler.add(piece))
        self._pieces.append(self._resampler.end())
        heard = self._transcript()
        if not self._topic.phrases or (self._expected and heard.language not in self._expected):
            return heard
        others = self._model.others(Audio(self._pieces[0]), heard.language or "en", self._topic)
        likeliest = next(others, [])
        return replace(heard, text=likeliest[0].text) if likeliest else heard

    def _transcript(self) -> Transcript:
        self._pieces = [np.concatenate(self._pieces)]
        return self._model.transcript(Audio(self._pieces[0]), self._expected, self._topic.before)


def live_transcripts(
    pieces: Iterable[Samples],
    model: SpeechModel,
    expected: tuple[str, ...] = (),
    topic: Topic = ANYTHING,
    limits: AudioLimits = USUAL_LIMITS,
) -> Iterator[Transcript]:
    """The text so far of a recording that comes in pieces, and last, final, that of all of it, as `LiveTranscription`
    does.

    Raises:
        AudioError, NoSpeechError, SpeechError: see there.
    """
    live = LiveTranscription(model, expected, topic, limits)
    for piece in pieces:
        if (transcript := live.add(piece)) is not None:
            yield transcript
    yield live.finish()
