"""The maker of the table of visible nouns, on a small dictionary in WordNet's own form."""

from pathlib import Path

from tools.build_nouns import build
from vision.classes.lexicon import Nouns


def test_the_hierarchy_is_built_from_wordnets_own_files(tmp_path: Path) -> None:
    synsets = [
        "00000001 03 n 01 physical_entity 0 000 | root",
        "00000002 06 n 01 vehicle 0 001 @ 00000001 n 0000 | carries",
        "00000003 06 n 02 car 0 auto 1 001 @ 00000002 n 0000 | drives",
        "00000004 18 n 01 book 0 000 | a root of its own",
        "00000005 04 n 01 idea 0 000 | can't be seen",
        "00000006 06 n 01 Herbie 0 001 @i 00000003 n 0000 | one thing, not a kind",
    ]
    words = {"physical_entity": "1", "vehicle": "2", "auto": "3", "book": "4", "idea": "5", "herbie": "6"}
    index = [f"{word} n 1 0 1 0 0000000{place}" for word, place in words.items()] + ["car n 2 0 2 1 00000005 00000003"]
    (tmp_path / "data.noun").write_text("  1 licence\n" + "\n".join(synsets) + "\n", encoding="latin-1")
    (tmp_path / "index.noun").write_text("  1 licence\n" + "\n".join(index) + "\n", encoding="latin-1")
    target = tmp_path / "nouns.tsv.gz"
    assert build(tmp_path, target) == 4
    first = target.read_bytes()
    build(tmp_path, target)
    assert target.read_bytes() == first
    nouns = Nouns(target)
    assert nouns.words(nouns.sense("car", 1)) == ("car", "auto")
    assert nouns.sense("vehicle", 0) in nouns.ancestors(nouns.sense("auto", 0))
    assert "idea" not in nouns
    assert "herbie" not in nouns
