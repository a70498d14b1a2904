"""SPARQL servers of other projects, started on a graph that `KnowledgeGraph.to_rdf` wrote.

Each runs on free ports of 127.0.0.1 with its database in a scratch folder, and ends with its context. Whoever wants
another server adds a context here; the suites and `benchmarks/sparql_engines.py` take it from `SERVERS`.
"""

import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

STARTS_WITHIN = 120.0
"""Seconds in which a server must listen; an empty database of Virtuoso takes a few on an idle machine."""
GRAPH = "urn:skylark:graph"
"""The named graph that Virtuoso, which has no unnamed one, keeps the triples in."""

MOST_MEMORY = 4 * 2**30
"""Bytes of addresses that Virtuoso may take, of which it uses a tenth."""

Server = Callable[[Path, Path], AbstractContextManager[str]]
"""Takes an .nt or .ttl file and an empty folder, gives the URL that takes queries."""

_VIRTUOSO = """\
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
MaxCheckpointRemap = 2000
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx

[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DirsAllowed = ., {data}
NumberOfBuffers = 20000
MaxDirtyBuffers = 12000
MaxQueryMem = 512M
ThreadsPerQuery = 2
CheckpointInterval = 0
SchedulerInterval = 10

[HTTPServer]
ServerPort = 127.0.0.1:{http_port}
Charset = UTF-8

[SPARQL]
ResultSetMaxRows = 0
MaxQueryExecutionTime = 0
MaxQueryCostEstimationTime = 0
"""


def absent(name: str) -> str:
    """Why a server cannot be started here, "" where it can."""
    missing = [program for program in PROGRAMS[name] if _found(program) is None]
    return f"{' and '.join(missing)} not installed: {INSTALLED_BY[name]}" if missing else ""


@contextmanager
def oxigraph_server(data: Path, folder: Path) -> Iterator[str]:
    """The `oxigraph` server of PyPI, read-only."""
    program, port = _program("oxigraph"), _free_port()
    database = str(folder / "oxigraph")
    subprocess.run(
        [program, "load", "--location", database, "--file", str(data)], check=True, capture_output=True, text=True
    )
    with _running([program, "serve-read-only", "--location", database, "--bind", f"127.0.0.1:{port}"], folder, port):
        yield f"http://127.0.0.1:{port}/query"


@contextmanager
def virtuoso_server(data: Path, folder: Path) -> Iterator[str]:
    """OpenLink Virtuoso 7, in a quarter of a gigabyte, without its cap on rows."""
    sql_port, http_port = _free_port(), _free_port()
    text = _VIRTUOSO.format(sql_port=sql_port, http_port=http_port, data=data.resolve().parent)
    (folder / "virtuoso.ini").write_text(text, encoding="utf-8")
    # A query that it plans badly would take all the memory of the machine.
    command = ["prlimit", f"--as={MOST_MEMORY}", _program("virtuoso-t"), "+foreground", "+configfile", "virtuoso.ini"]
    with _running(command, folder, http_port):
        load = (
            f"ld_dir('{data.resolve().parent}', '{data.name}', '{GRAPH}'); rdf_loader_run(); "
            "select ll_error from DB.DBA.load_list where ll_error is not null; "
        )
        done = subprocess.run(
            [_program("isql-vt"), f"127.0.0.1:{sql_port}", "dba", "dba", "VERBOSE=OFF", "BANNER=OFF", f"EXEC={load}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or "Error" in done.stdout + done.stderr:
            raise RuntimeError(f"Virtuoso could not load {data}:\n{done.stdout}{done.stderr}")
        yield f"http://127.0.0.1:{http_port}/sparql?default-graph-uri={GRAPH}"


SERVERS: Mapping[str, Server] = {"oxigraph": oxigraph_server, "virtuoso": virtuoso_server}
PROGRAMS: Mapping[str, tuple[str, ...]] = {"oxigraph": ("oxigraph",), "virtuoso": ("virtuoso-t", "isql-vt", "prlimit")}
INSTALLED_BY: Mapping[str, str] = {
    "oxigraph": "pip install -r requirements-dev.txt",
    "virtuoso": "apt-get install virtuoso-opensource",
}


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A server process that listens on a port; its output stands in `folder/server.log`."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + STARTS_WITHIN
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{' '.join(command)} did not start:\n{said}")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        asked.settimeout(1)
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _found(program: str) -> str | None:
    """A program of this environment, else of the path."""
    return shutil.which(program, path=sysconfig.get_path("scripts")) or shutil.which(program)


def _program(name: str) -> str:
    found = _found(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found
