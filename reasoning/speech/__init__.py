"""Spoken questions: recordings of strangers, the models that hear them, and what was heard.

A name is imported when it is first asked for, and a model's library when the model is opened: a question that is typed
needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kg_data.late_names import late_names

if TYPE_CHECKING:
    from reasoning.speech.audio import Audio, AudioLimits, load_audio
    from reasoning.speech.errors import AudioError, NoSpeechError, SpeechError, SpokenLanguageError
    from reasoning.speech.hearing import ASKABLE, check_language, hear_question, partial_questions
    from reasoning.speech.live import LiveTranscription, live_transcripts
    from reasoning.speech.model import SpeechModel
    from reasoning.speech.opening import check_speech_model, open_speech_model
    from reasoning.speech.topic import Topic, spoken_topic
    from reasoning.speech.transcript import Transcript

__all__ = [
    "ASKABLE",
    "Audio",
    "AudioError",
    "AudioLimits",
    "LiveTranscription",
    "NoSpeechError",
    "SpeechError",
    "SpeechModel",
    "SpokenLanguageError",
    "Topic",
    "Transcript",
    "check_language",
    "check_speech_model",
    "hear_question",
    "live_transcripts",
    "load_audio",
    "open_speech_model",
    "partial_questions",
    "spoken_topic",
]

_MODULES = {
    "ASKABLE": "reasoning.speech.hearing",
    "Audio": "reasoning.speech.audio",
    "AudioError": "reasoning.speech.errors",
    "AudioLimits": "reasoning.speech.audio",
    "LiveTranscription": "reasoning.speech.live",
    "NoSpeechError": "reasoning.speech.errors",
    "SpeechError": "reasoning.speech.errors",
    "SpeechModel": "reasoning.speech.model",
    "SpokenLanguageError": "reasoning.speech.errors",
    "Topic": "reasoning.speech.topic",
    "Transcript": "reasoning.speech.transcript",
    "check_language": "reasoning.speech.hearing",
    "check_speech_model": "reasoning.speech.opening",
    "hear_question": "reasoning.speech.hearing",
    "live_transcripts": "reasoning.speech.live",
    "load_audio": "reasoning.speech.audio",
    "open_speech_model": "reasoning.speech.opening",
    "partial_questions": "reasoning.speech.hearing",
    "spoken_topic": "reasoning.speech.topic",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "Hearing a question")
