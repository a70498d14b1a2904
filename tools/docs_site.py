"""Lays the docs out as a site, called by MkDocs as the hook that `mkdocs.yml` names; `make site` builds it.

The docs are written for readers of the repository, so they link to whatever stands there: results of benchmarks, cards
of models, source. On the site such a file becomes a page of its own under `repository/`, and the links lead there, so
that the site is whole without the repository, and MkDocs, building strictly, finds every link that is broken.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
HOME, DOCS, REPOSITORY = "README.md", "docs/", "repository/"
FENCED = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<before>\]\(|\bsrc=\")(?P<target>[^)\s#\":]+)")
"""The target of a link or a picture, without its anchor; an address with a scheme is none."""
ROW, CODE = re.compile(r"^\|.*\|$", re.MULTILINE), re.compile(r"`[^`\n]+`")
NESTED = re.compile(r"^ {2,3}(?=[-*] )", re.MULTILINE)
PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")
CODE_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".jsonl": "json", ".yml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page, the notebooks, and whatever the pages link to outside of `docs/`."""
    todo = [HOME, *(DOCS + file.src_uri for file in files if file.src_uri.endswith((".md", ".ipynb")))]
    seen = set(todo)
    while todo:
        path = todo.pop()
        if site_path(path) not in files.src_uris:
            files.append(
                File.generated(config, site_path(path), content=content_of(path))
                if is_page(path)
                else File.generated(config, site_path(path), abs_src_path=str(ROOT / path))
            )
        if path.endswith(".md"):
            found = set(linked_files(path)) - seen
            seen |= found
            todo += sorted(found)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Have the links of a page lead to where the site has what they name."""
    source = repository_path(page.file.src_uri)
    return for_site(markdown, source) if source.endswith(".md") else markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Give the search box of the theme, which is a dialogue, the name by which it is read aloud."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)


def site_path(path: str) -> str:
    """Where the site's source has a file of the repository; both from their roots.

    `docs/guide.md` is `guide.md`, `LICENSE` is the page `repository/LICENSE.md`.
    """
    if path == HOME:
        return "index.md"
    place = path.removeprefix(DOCS) if path.startswith(DOCS) else REPOSITORY + path
    return place if path.endswith(".md") or not is_page(path) else f"{place}.md"


def repository_path(place: str) -> str:
    """The file of the repository that is shown at a place of the site's source: the inverse of `site_path`."""
    if place == "index.md":
        return HOME
    path = place.removeprefix(REPOSITORY) if place.startswith(REPOSITORY) else DOCS + place
    return path if (ROOT / path).is_file() else path.removesuffix(".md")


def is_page(path: str) -> bool:
    """Whether the site shows a file as a page; pictures, and what else lies in `docs/`, are copied as they are."""
    return path.endswith((".md", ".ipynb")) or not (path.startswith(DOCS) or path.endswith(PICTURES))


def linked_files(path: str) -> Iterator[str]:
    """The files of the repository that a page of it links to."""
    prose = FENCED.sub("", (ROOT / path).read_text(encoding="utf-8"))
    for match in LINK.finditer(prose):
        if (target := resolved(path, match["target"])) is not None:
            yield target


def resolved(path: str, target: str) -> str | None:
    """The file that a link of the file `path` leads to; None where there is none, which MkDocs then tells."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return found if not found.startswith("..") and (ROOT / found).is_file() else None


def for_site(markdown: str, path: str) -> str:
    """The text of a page of the repository as the site's source has it.

    Two things are written as GitHub reads them and Python-Markdown does not: a pipe in a table's code has a backslash,
    which would be shown, and two blanks are enough before an item of a list in a list.

    Args:
        markdown: the text.
        path: the file that it stands in, from the repository's root.
    """

    def link(match: re.Match[str]) -> str:
        target = resolved(path, match["target"])
        if target is None:
            return match[0]
        return match["before"] + posixpath.relpath(site_path(target), posixpath.dirname(site_path(path)) or ".")

    def prose(text: str) -> str:
        text = ROW.sub(lambda row: CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), LINK.sub(link, text))
        return NESTED.sub("    ", text)

    return outside_of_code(markdown, prose)


def outside_of_code(markdown: str, change: Callable[[str], str]) -> str:
    """Change a text wherever it is no fenced code."""
    parts, end = [], 0
    for code in FENCED.finditer(markdown):
        parts += [change(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(markdown[end:])])


def content_of(path: str) -> str:
    """A file of the repository as the Markdown of a page."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    if path.endswith(".ipynb"):
        return "\n\n".join(cell_text(cell) for cell in json.loads(text)["cells"])
    language = CODE_LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n````{language}\n{text}\n````\n"


def cell_text(cell: dict[str, object]) -> str:
    """A cell of a notebook as Markdown; notebooks are kept without what they once showed."""
    source = "".join(cell["source"]) if isinstance(cell["source"], list) else str(cell["source"])
    return f"```python\n{source}\n```" if cell["cell_type"] == "code" else source
