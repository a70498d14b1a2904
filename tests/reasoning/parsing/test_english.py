"""What is known of English itself: numbers in words, forms of words, and adjectives of places."""

from reasoning.parsing.english import lemmas, spoken_number, wordnet


def test_numbers_in_words() -> None:
    for words, value, length in (
        ("5 million people", 5_000_000, 2), ("2,500 metres", 2500, 1), ("twenty five million", 25_000_000, 3),
        ("half a million", 500_000, 3), ("a quarter of a million", 0, 0), ("quarter of a million", 250_000, 4),
        ("one and a half million", 1_500_000, 5), ("two hundred and five", 205, 4),
        ("one hundred and twenty thousand", 120_000, 5), ("1.5bn", 1_500_000_000, 1), ("two and three", 2, 1),
        ("twenty thirty", 20, 1), ("2400 m", 2400, 1), ("3d", 0, 0), ("many", 0, 0),
    ):  # fmt: skip
        assert spoken_number(words.split()) == (value, length)


def test_a_dictionary_has_a_word_under_its_form_and_adjectives_of_places() -> None:
    for word, form in (("cities", "city"), ("starred", "star"), ("written", "write"), ("wives", "wife")):
        assert form in lemmas(word)
    assert lemmas("schiphol") == ()
    assert wordnet().nouns_of("swiss")[0] == "Switzerland"
    assert wordnet().nouns_of("tall") == ()
    assert "Soviet Union" in wordnet().same_names("USSR")
