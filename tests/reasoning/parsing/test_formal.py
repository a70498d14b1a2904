"""Which texts are queries in the grammar, and which are questions."""

from __future__ import annotations

import time

import pytest

from reasoning.parsing import looks_formal


@pytest.mark.parametrize(
    "text",
    [
        'borders("France")', 'borders("France") &', '"Paris"', '"Paris', "borders(France)", "borders(South Korea)",
        '~capital("Paris")', '!borders("France")', '(borders("France") | borders("Spain")) & ~currency("Euro")',
        'count(borders("France"))', "top(1, population", 'population("France") > 5', '"my relation"("X")',
        'entity("Q1")', 'borders("France") and ~currency("Euro")', 'borders ("France")',
        '[count(borders(it))](~type("country"))', 'sum(population, borders("Mali"))', '2 * population("France")',
        'today - founded("Acme")', '-population("France")', 'every(language, "French")',
        'today - "start date"("Ann")', '90000 < salary(~team("Data"))', 'manager^2("Ann")', 'part-of("Pump P1")',
    ],
)  # fmt: skip
def test_a_text_in_the_grammar_looks_formal_even_if_it_is_broken(text: str) -> None:
    assert looks_formal(text)


@pytest.mark.parametrize(
    "text",
    [
        'What is the capital of "France"?', "What is the capital of [France]?", '"The Matrix" was directed by whom?',
        "Which (if any) countries border France?", "Country(ies) bordering France", "capital of France", "",
        "[France] borders which countries?", "[France] (the country) borders it", "10 countries in Europe",
        "top 3 countries", "Paris", 'Which country (not "Spain") borders France?', "count the countries in Europe",
    ],
)  # fmt: skip
def test_a_question_does_not_look_formal(text: str) -> None:
    assert not looks_formal(text)


@pytest.mark.timing
def test_looking_at_a_text_takes_no_time_whatever_its_length() -> None:
    started = time.process_time()
    for text in ("(" * 100_000, '"' * 100_000, " (!" * 50_000, "a(" * 50_000, "word " * 50_000):
        looks_formal(text)
    assert time.process_time() - started < 2
