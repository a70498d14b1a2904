"""Build the sdist and the wheel, and try the wheel as a user would: in bare environments, far from the checkout.

    python .ci/try_wheel.py [PYTHON...]

The interpreters are by default the oldest and the newest at hand that Skylark takes. In each the graph half alone is
tried first: it must work without torch, gradio and OpenCV, and say of every other part what installs it. Then come
`skylark setup` and the extra `demo`.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("kg_data", "reasoning", "vision", "app", "skylark")
OLDEST = (3, 11)
LARGEST_WHEEL = 60_000_000
"""Bytes. PyPI takes 100 MB. The adapters and the detector are 43 MB that hardly compress; much more came by mistake."""

SAMPLED_TYPES = "1p,2p,2i,2in"


def main() -> int:
    pythons = sys.argv[1:] or oldest_and_newest()
    with tempfile.TemporaryDirectory(prefix="skylark-wheel-") as folder:
        place = Path(folder)
        wheel = build(place)
        check_contents(wheel)
        for number, python in enumerate(pythons):
            print(f"== {python}: {version_of(python)}", flush=True)
            TrialRun(place / f"trial{number}", python, wheel).run()
    print("the wheel works")
    return 0


def oldest_and_newest() -> list[str]:
    """The oldest and the newest interpreter on the path, and among pyenv's, that Skylark takes."""
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 40)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [sys.executable, *filter(None, map(shutil.which, names)), *map(str, pyenv.glob("*/bin/python3"))]
    by_version: dict[tuple[int, int], str] = {}
    for candidate in candidates:
        version = version_of(candidate)
        if version is not None and version >= OLDEST:
            by_version.setdefault(version, candidate)
    return [by_version[version] for version in dict.fromkeys((min(by_version), max(by_version)))]


def version_of(python: str) -> tuple[int, int] | None:
    """Major and minor version of an interpreter that can make environments; None where it cannot."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def build(place: Path) -> Path:
    """Build the sdist, and from it the wheel, as an installer would that finds no wheel."""
    tools = make_environment(place / "tools", sys.executable)
    command([tools / "python", "-m", "pip", "install", "--quiet", "build>=1.2,<2"])
    command([tools / "python", "-m", "build", "--outdir", place / "dist", ROOT])
    [wheel] = (place / "dist").glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Every tracked file of the rooms is in the wheel, nothing else is, and it is not too large."""
    tracked = subprocess.run(
        ["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {name for name in tracked if Path(name).name != ".gitkeep"} | {"skylark/requirements-models.txt"}
    expect(packed >= expected, f"the wheel lacks {sorted(expected - packed)}")
    expect(packed <= expected, f"the wheel carries {sorted(packed - expected)}")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.1f} MB, {len(packed)} files", flush=True)
    expect(size <= LARGEST_WHEEL, f"the wheel has {size} bytes")


class TrialRun:
    """One environment in which the wheel is tried.

    Args:
        place: a folder to make, for the environment, the cache and the working folder.
        python: the interpreter.
        wheel: what is tried.
    """

    def __init__(self, place: Path, python: str, wheel: Path) -> None:
        self.work, self.wheel = place / "work", wheel
        self.work.mkdir(parents=True)
        self.bin = make_environment(place / "environment", python)
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SKYLARK_DATA")}
        self.variables = {**kept, "SKYLARK_CACHE": str(place / "cache")}

    def run(self) -> None:
        """Try the graph half alone, then with weights, tables and the demo."""
        self.install(str(self.wheel))
        self.try_graph_half()
        self.try_what_is_missing()
        self.install(f"{self.wheel}[demo]")
        self.skylark("setup")
        self.try_the_rest()
        self.try_demo()

    def install(self, requirement: str) -> None:
        command([self.bin / "python", "-m", "pip", "install", "--quiet", requirement])

    def skylark(self, *arguments: str, code: int = 0) -> str:
        """Run the command; gives what it wrote to stdout, or to stderr where it shall fail."""
        done = subprocess.run(
            [self.bin / "skylark", *arguments], cwd=self.work, env=self.variables, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        expect(
            done.returncode == code and "Traceback" not in done.stderr,
            f"skylark {' '.join(arguments)} gave {done.returncode}, not {code}:\n{done.stdout}{done.stderr}",
        )
        return done.stderr if code else done.stdout

    def says(self, expected: str, *arguments: str, code: int = 0) -> None:
        said = self.skylark(*arguments, code=code)
        expect(expected in said, f"skylark {' '.join(arguments)} does not say {expected!r}:\n{said}")
        print(f"  skylark {' '.join(arguments)}", flush=True)

    def try_graph_half(self) -> None:
        absent = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, ('torch', 'gradio', 'cv2'))))"
        command([self.bin / "python", "-c", absent])
        version = re.split("-", self.wheel.name)[1]
        self.says(version, "--version")
        (self.work / "family.tsv").write_text("Ann\tparent\tBob\nBob\tparent\tDan\nBob\tparent\tEve\n")
        self.says("2 answers:\n  Dan\n  Eve", "query", "--kg", "family.tsv", 'parent(parent("Ann"))')
        self.try_evaluation()

    def try_evaluation(self) -> None:
        """Sample queries from a random graph; read off, `exact` answers them all."""
        draw = random.Random(0)
        people = [f"p{number}" for number in range(60)]
        with (self.work / "people.tsv").open("w") as file:
            for person, relation in itertools.product(people, ("likes", "knows")):
                file.writelines(f"{person}\t{relation}\t{other}\n" for other in draw.sample(people, 3))
        sampled = ("--held-out", "0.2", "--types", SAMPLED_TYPES, "--count", "5", "--out", "sampled")
        self.says("2in", "sample-queries", "--kg", "people.tsv", *sampled)
        self.says(
            "1.0000", "evaluate", "--kg", "sampled/graph", "--queries", "sampled", "--protocol", "reading",
            "--out", "exact.jsonl",
        )  # fmt: skip
        summary = (self.work / "exact.jsonl.summary.json").read_text()
        matches = re.findall(r'"exact_match": ([0-9.]+)', summary)
        expect(len(matches) >= 4 and set(matches) == {"1.0"}, f"exact does not match every query:\n{summary}")

    def try_what_is_missing(self) -> None:
        self.says("Paris", "query", "--kg", "world", 'capital("France")')
        self.says("skylark-reasoner[llm]", "ask", "--kg", "family.tsv", "What is the parent of Ann?", code=1)
        lark = ("--method", "lark", "--llm")
        self.says("skylark-reasoner[llm]", "query", "--kg", "family.tsv", *lark, "embedded", 'parent("Ann")', code=1)
        self.says("skylark-reasoner[hosted]", "query", "--kg", "family.tsv", *lark, "openai:x", 'parent("Ann")', code=1)
        self.says("skylark-reasoner[vision]", "detect", "street.jpg", "--instruction", "every car", code=1)
        self.says("skylark-reasoner[demo]", "demo", code=1)
        self.says("in a checkout of the project", "teach", "steps", "--out", "run", code=1)
        self.says("did you mean 'query'?", "qurey", code=2)

    def try_the_rest(self) -> None:
        self.says("Bob", "ask", "--kg", "family.tsv", "What is the parent of Ann?")
        self.says("Belgium", "ask", "--kg", "world", "Which countries border France and use the euro?")
        [packages] = self.bin.parent.glob("lib/python*/site-packages")
        cat = packages / "skimage" / "data" / "chelsea.png"
        self.says("in a checkout of the project", "image", "teach", "boxes", "--out", "run", code=1)
        self.says("(cat,", "detect", str(cat), "--instruction", "every animal")
        self.says("motorcycle", "image", "ask", str(cat.with_name("motorcycle_left.png")), "the motorcycle")

    def try_demo(self) -> None:
        """The page answers, and ends without complaint when it is told to."""
        demo = subprocess.Popen(
            [self.bin / "skylark", "demo", "--port", "7871"], cwd=self.work, env=self.variables, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            assert demo.stdout is not None
            address = next(
                (found[0] for line in demo.stdout if (found := re.search(r"(?<=Skylark is at )\S+", line))), ""
            )
            expect(bool(address), "the demo did not start")
            with urllib.request.urlopen(address, timeout=60) as reply:
                expect(reply.status == 200 and b"gradio" in reply.read(), "the demo's page is not served")
            demo.send_signal(signal.SIGTERM)
            expect(demo.wait(timeout=60) == 0, f"the demo ended with {demo.returncode}")
        finally:
            demo.kill()
        print("  skylark demo", flush=True)


def make_environment(place: Path, python: str) -> Path:
    """A virtual environment; gives the folder of its programs."""
    command([python, "-m", "venv", place])
    return place / "bin"


def command(arguments: list[str | Path]) -> None:
    subprocess.run(arguments, check=True)


def expect(holds: bool, failure: str) -> None:
    if not holds:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    sys.exit(main())
