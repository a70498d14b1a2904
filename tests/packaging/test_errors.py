"""What errors of data say."""

from skylark.errors import DataError


def test_a_broken_file_is_named_with_its_line_what_was_expected_and_what_was_found() -> None:
    error = DataError("a.tsv", "three fields", 7, "x" * 81, "use tabs")
    assert str(error) == f"a.tsv, line 7: expected three fields, found '{'x' * 77}...'; use tabs"
    assert str(DataError("a.tsv", "a file")) == "a.tsv: expected a file"
    assert (error.path, error.line, error.expected, error.found) == ("a.tsv", 7, "three fields", "x" * 81)
