"""Which of the texts that may have been spoken is asked: the one that was likely heard, and that can be read.

The hypotheses of a speech model differ in a word or two ("which country's", "which countries"), and the reader knows
which of them can be asked of the graph. It is the rescoring of n-best lists that recognisers have long had (Ostendorf
et al. 1991), with the probability of a reading in place of a larger language model's: a text's score is the mean over
all hearings of its log-probability, relative to the likeliest text of the hearing, and a weight times that of its
reading.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from kg_data.errors import SkylarkError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading import understand
from reasoning.speech.audio import Audio
from reasoning.speech.model import Hypothesis, SpeechModel
from reasoning.speech.topic import spoken_topic
from reasoning.speech.transcript import Transcript

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

    Args:
        transcript: of the whole recording.
        audio: the recording.
        kg: the graph that will be asked.
        model: what heard it.
    """
    choice = _heard_again(transcript, audio, kg, model)
    text = (choice.best() or choice.often_first()) if choice.hearings else None
    return transcript if text is None else replace(transcript, text=text)


def heard_alike(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Transcript | None:
    """What `ALIKE` hearings have in the same words and can be asked; None where nothing is.

    For a recording of which no word was understood: a search that prefers names finds some in any noise, and hardly the
    same ones with what was said before and without. Of a graph about which nothing stands before there is one hearing.

    Args:
        transcript, audio, kg, model: see `chosen`.
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
        """The text with the highest score; None where none can be read.

        Args:
            alike: in how many hearings it is at least.
        """
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
        """Whether two hearings put the best text first, and it is read surely.

        Args:
            alike: see `best`.
        """
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
