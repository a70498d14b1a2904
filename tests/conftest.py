import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

import kg_data
from skylark.process import let_waiting_threads_sleep

# A busy machine may take any time for an example. `--hypothesis-profile=long` tries more.
settings.register_profile("suite", deadline=None, max_examples=25)
settings.register_profile("long", deadline=None, max_examples=100)
settings.load_profile("suite")

pytest.register_assert_rewrite(
    "tests.app.browsing",
    "tests.reasoning.contracts",
    "tests.vision.detectors.contract",
)

_own_caches: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """A run begins with an empty cache of its own, which its processes share: what one has built, none builds again."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _own_caches.append(tempfile.mkdtemp(prefix="skylark-tests-"))
        os.environ["SKYLARK_CACHE"] = _own_caches[0]
        # A process a core: threads that wait for one another's turn would only burn it.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        let_waiting_threads_sleep()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What importing makes stays to the end: the garbage collector need not walk it, here or in any test after it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives a browser is slow; so is what asks a served page, the embedded model, or a fitted predictor.

    The long set is what needs a server of another project, a cluster or a notebook's kernel; `make test-long` runs it,
    and the properties with more examples.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("server") or "kernel" in fixtures:
            item.add_marker(pytest.mark.long)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if "browser" in fixtures or "listening" in fixtures:
            item.add_marker(pytest.mark.browser)
        if fixtures & {"browser", "copying", "predicted"}:
            item.add_marker(pytest.mark.slow)


def pytest_unconfigure(config: pytest.Config) -> None:
    while _own_caches:
        shutil.rmtree(_own_caches.pop(), ignore_errors=True)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The shared data folder; tests that need it skip where it is absent."""
    root = kg_data.data_root()
    if not (root / "kg").is_dir():
        pytest.skip(f"needs the data folder, {root} has no kg/: set SKYLARK_DATA to it")
    return root
