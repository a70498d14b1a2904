"""Spoken questions: recordings of strangers, the models that hear them, and what was heard.

A name is imported when it is first asked for, and a model's library when the model is opened: a question that is typed
needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylark.installation import late_names

if TYPE_CHECKING:
    from reasoning.speech.audio import (
        Audio,
        AudioError,
        AudioLimits,
        NoSpeechError,
        SpeechError,
        SpokenLanguageError,
        load_audio,
    )
    from reasoning.speech.hearing import (
        ASKABLE,
        LiveTranscription,
        check_language,
        hear_question,
        live_transcripts,
        partial_questions,
    )
    from reasoning.speech.model import SpeechModel, Topic, Transcript, spoken_topic
    from reasoning.speech.whisper import check_speech_model, open_speech_model

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
    "AudioError": "reasoning.speech.audio",
    "AudioLimits": "reasoning.speech.audio",
    "LiveTranscription": "reasoning.speech.hearing",
    "NoSpeechError": "reasoning.speech.audio",
    "SpeechError": "reasoning.speech.audio",
    "SpeechModel": "reasoning.speech.model",
    "SpokenLanguageError": "reasoning.speech.audio",
    "Topic": "reasoning.speech.model",
    "Transcript": "reasoning.speech.model",
    "check_language": "reasoning.speech.hearing",
    "check_speech_model": "reasoning.speech.whisper",
    "hear_question": "reasoning.speech.hearing",
    "live_transcripts": "reasoning.speech.hearing",
    "load_audio": "reasoning.speech.audio",
    "open_speech_model": "reasoning.speech.whisper",
    "partial_questions": "reasoning.speech.hearing",
    "spoken_topic": "reasoning.speech.model",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "Hearing a question")
