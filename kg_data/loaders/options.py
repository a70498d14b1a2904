"""What whoever loads a file of their own may say of it, where the file itself does not tell."""

from __future__ import annotations

from dataclasses import dataclass, fields

from kg_data.errors import UsageError


@dataclass(frozen=True)
class LoadingOptions:
    """How a file is read.

    Attributes:
        table: whether the file is a table: a header, then a row for each thing, the first column naming it and each
            other column being a relation. None reads triples and refuses what looks like a table, False reads them
            even so.
        cell_separator: what stands between the values of one cell of a table; None: a cell holds one.
        infer_values: whether relations all of whose tails are spelled as numbers or dates have values.
        skip_broken: whether broken lines are left out, where otherwise the first of them is an error.

    Raises:
        UsageError: a separator of cells without a table, or an empty one.
    """

    table: bool | None = None
    cell_separator: str | None = None
    infer_values: bool = False
    skip_broken: bool = False

    def __post_init__(self) -> None:
        if self.cell_separator is not None and not self.table:
            raise UsageError("a separator of cells is for tables: say table=True (--table) as well")
        if self.cell_separator == "":
            raise UsageError("the separator of cells is empty; expected at least one character, such as ;")

    def flags(self) -> list[str]:
        """The arguments that say the same on the command line."""
        flags = [] if self.table is None else ["--table" if self.table else "--no-table"]
        flags += [] if self.cell_separator is None else ["--cell-separator", self.cell_separator]
        return flags + ["--infer-values"] * self.infer_values + ["--skip-broken"] * self.skip_broken

    def refuse_all_but(self, what: str, *taken: str) -> None:
        """Check that nothing was asked for that a source does not take.

        Args:
            what: the source, as the subject of a sentence: "the graph world".
            taken: the options that it takes.

        Raises:
            UsageError: something else was asked for.
        """
        for field in fields(self):
            if field.name not in taken and getattr(self, field.name) != getattr(USUAL, field.name):
                flag = f"--{field.name.replace('_', '-')}"
                others = " and .jsonl" if field.name == "skip_broken" else ""
                raise UsageError(
                    f"{what} is not read with {field.name} ({flag}), which is for files of separated fields "
                    f"(.tsv, .csv, .txt){others}: leave it out"
                )


USUAL = LoadingOptions()
"""What is done where nothing is said."""
