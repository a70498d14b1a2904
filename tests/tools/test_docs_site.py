"""The docs build as a site, strictly and with nothing from elsewhere, and every link of it leads somewhere."""

import os
import posixpath
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools import docs_site

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": ("src",), "img": ("src",), "source": ("src", "srcset"), "iframe": ("src",), "video": ("src",)}
"""What a browser fetches by itself, besides the `link` elements that are no mere reference."""


class Parsed(HTMLParser):
    """The links of a page, what it loads, and the places in it that links may name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(values.get("href", ""))
        self.loads += [values[name] for name in LOADED.get(tag, ()) if name in values]


def built(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config), "--site-dir", str(folder)],
        capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parsed]:
    """Each page of the site by its path, links and all; other files of it are empty pages."""
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(folder).as_posix(): Parsed(path.read_text(encoding="utf-8") if path.suffix == ".html" else "")
        for path in folder.rglob("*")
        if path.is_file()
    }


def own_links(name: str, page: Parsed) -> Iterator[tuple[str, str]]:
    """The file and the place in it that each link of a page leads to, those within the site."""
    for link in [*page.links, *page.loads]:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
            yield path if parts.path else name, unquote(parts.fragment)


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere_and_no_page_loads_anything_from_elsewhere(
    pages: dict[str, Parsed],
) -> None:
    broken = [
        f"{name}: {path}#{place}"
        for name, page in pages.items()
        if name != "404.html"  # its links start at the root of a server
        for path, place in own_links(name, page)
        if path not in pages or (place and not place.startswith("__") and place not in pages[path].places)
    ]
    assert broken == []
    assert {load for page in pages.values() for load in page.loads if urlsplit(load).netloc} == set()
    results, card = "benchmarks/results/unseen_questions.html", "reasoning/lm/adapters/steps/index.html"
    assert {"index.html", f"repository/{results}", f"repository/{card}", "notebooks/graph.ipynb.html"} <= set(pages)


@pytest.mark.slow
def test_broken_links_fail_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Page\n\n[a](gone.md) [b](#nowhere) [c](/etc/passwd)\n")
    validation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nvalidation:\n")[2].partition("\n\n")[0]
    config = tmp_path / "mkdocs.yml"
    config.write_text(f"site_name: x\ntheme: {{name: material, font: false}}\nvalidation:\n{validation}\n")
    done = built(config, tmp_path / "site")
    assert done.returncode != 0
    assert [told for told in ("gone.md", "#nowhere", "/etc/passwd") if told not in done.stderr] == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("README.md", "index.md"),
        ("docs/guide.md", "guide.md"),
        ("docs/images/demo.png", "images/demo.png"),
        ("docs/notebooks/graph.ipynb", "notebooks/graph.ipynb.md"),
        ("benchmarks/results/plot.png", "repository/benchmarks/results/plot.png"),
        ("ARCHITECTURE.md", "repository/ARCHITECTURE.md"),
        ("LICENSE", "repository/LICENSE.md"),
        ("benchmarks/sparql_engines.py", "repository/benchmarks/sparql_engines.py.md"),
    ],
)
def test_each_file_of_the_repository_has_its_place(path: str, place: str) -> None:
    assert docs_site.site_path(path) == place
    if docs_site.is_page(path):
        assert docs_site.repository_path(place) == path


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("docs/install.md", "[a](../LICENSE) [b](guide.md#graphs) ![c](images/demo.png) [d](https://a.b/c.md)",
         "[a](repository/LICENSE.md) [b](guide.md#graphs) ![c](images/demo.png) [d](https://a.b/c.md)"),
        ("README.md", '<img src="docs/images/demo.png">', '<img src="images/demo.png">'),
        ("reasoning/lm/adapters/steps/README.md", "[r](../../../../docs/guide.md)", "[r](../../../../../guide.md)"),
        # Code stays as it is, but for the escape of pipes in tables.
        ("docs/guide.md", *["```text\n[count(borders(it))](~type(README.md)) | `a \\| b` |\n```\n"] * 2),
        ("docs/guide.md", "| `a \\| b` | \\|x\\| |", "| `a | b` | \\|x\\| |"),
        # A list in a list is one; a link out of the repository is left for mkdocs to tell.
        ("docs/guide.md", "- a\n  - b\n", "- a\n    - b\n"),
        ("docs/guide.md", *["[x](../../../etc/passwd)"] * 2),
    ],
)  # fmt: skip
def test_links_lead_to_where_the_site_has_what_they_name(page: str, text: str, expected: str) -> None:
    assert docs_site.for_site(text, page) == expected
