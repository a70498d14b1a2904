"""Queries, steps and answers in English."""
