"""Queries, steps and answers in English."""

from reasoning.wording import verbalise

__all__ = ["verbalise"]
