"""What the tests share. Real git, git-annex, DataLad and HTTP on loopback; nothing is mocked.

setup_package   DataLad's own: a throw-away git configuration that allows 127.0.0.1
archive         a misbehaving demo archive, running, that behaves until it is told otherwise
check, update   ``stackpack_check`` and ``stackpack_update``, their results as a list
rows            the archive's rows, which can change as they may in a year
add             ``datalad.api.stackpack_add`` at that archive, its results as a list
work            an empty directory, made the current one
dataset         an empty DataLad dataset, made the current directory
stack           an empty dataset such as stackpack-add makes for specimen 1, where it makes it
stacks          the same for specimens 1, 2 and 3
begin           makes the same for the specimens that it is given, also in ``dataset``
served          a well-behaved archive for all tests that take nothing else
packed_stack    the stack of specimen 1 from it, packed once, with its reconstruction
without_library a library as if it were not installed, or of another version
programs        (autouse) the programs of this Python first, git-annex itself before all
imported        (autouse) the garbage collector leaves alone what was imported for the tests
interruptible   (autouse) Ctrl-C works, also where the suite runs in the background
quick           (autouse) no pauses between attempts, short time-outs

What is not a fixture is in helpers.py.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from datalad.conftest import setup_package  # noqa: F401 (a fixture, used by its name)
from hypothesis import HealthCheck, settings
from support.changed_archive import ChangedRows
from support.helpers import GAPS, QUICK, TINY, Result, configured_as, copied_dataset
from support.misbehaving import FaultyArchive

from datalad_stackpack.annex.environment import finding_programs
from datalad_stackpack.demo import DemoCell

MEMORY, NEEDED_BYTES = Path("/dev/shm"), 4 * 2**30  # noqa: S108 (a file system, not a file)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files in memory where there is room: ext4 takes a third more CPU time.

    Also where ``TMPDIR`` is set, as many a system sets it; ``--basetemp`` chooses another place.
    """
    if (
        config.option.basetemp is not None
        or hasattr(config, "workerinput")
        or not os.access(MEMORY, os.W_OK)
    ):
        return
    if shutil.disk_usage(MEMORY).free > NEEDED_BYTES:
        config.option.basetemp = str(MEMORY / f"stackpack-tests-{os.getpid()}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave nothing in memory but what belongs to a test that failed."""
    base = Path(session.config.option.basetemp or os.devnull)
    if exitstatus == 0 and base.parent == MEMORY and not hasattr(session.config, "workerinput"):
        shutil.rmtree(base, ignore_errors=True)


settings.register_profile(
    "stackpack",
    max_examples=60,
    deadline=None,
    derandomize=True,  # a commit is not to fail by chance; take this out to explore
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("stackpack")


@pytest.fixture(autouse=True, scope="session")
def programs() -> Iterator[None]:
    """The programs of this Python come first, git-annex itself before all: tests start it a lot.

    Numpy's threads for linear algebra, of which there is none, would only wait for work, busily.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        found = finding_programs(os.environ["PATH"])
        if "STACKPACK_GIT_ANNEX" in found:
            directory = str(Path(found["STACKPACK_GIT_ANNEX"]).parent)
            patch.setenv("PATH", directory, prepend=os.pathsep)
            patch.setenv("MAGIC", found["STACKPACK_MAGIC"])
        yield


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """What a shell starts in the background ignores SIGINT, and so would all that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def imported() -> None:
    """What was imported for the tests stays: the garbage collector need not look at it again."""
    import datalad.api  # noqa: F401 (with all that it imports)

    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def quick() -> Iterator[None]:
    """No pauses between attempts, short time-outs: also for the programs that a test starts."""
    with configured_as(**QUICK):
        yield


@pytest.fixture
def cells() -> tuple[DemoCell, ...]:
    """The cells that the archive serves; a module may replace this."""
    return (TINY, GAPS)


@pytest.fixture
def archive(cells: tuple[DemoCell, ...]) -> Iterator[FaultyArchive]:
    """A demo archive that can be told to misbehave."""
    with FaultyArchive(cells) as running:
        yield running


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory outside any dataset, made the current one."""
    location = tmp_path / "work"
    location.mkdir()
    monkeypatch.chdir(location)
    return location


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, programs: None) -> Path:
    """Two empty datasets, to be copied: to make one takes longer than many a test."""
    from datalad.api import create

    from datalad_stackpack.annex.locate import StackLocation
    from datalad_stackpack.annex.make import ensure_made

    location = tmp_path_factory.mktemp("made")
    create(path=str(location / "dataset"), result_renderer="disabled")
    ensure_made(StackLocation(location / "stack", location / "stack", exists=False))
    return location


@pytest.fixture
def dataset(made: Path, work: Path) -> Path:
    """An empty DataLad dataset, made the current directory."""
    return copied_dataset(made / "dataset", work)


@pytest.fixture
def stack(made: Path, work: Path) -> Path:
    """An empty dataset, as stackpack-add makes it for specimen 1."""
    return copied_dataset(made / "stack", work / "1")


@pytest.fixture
def begin(made: Path, work: Path) -> Callable[..., None]:
    """Make empty datasets for some specimens, as stackpack-add makes them.

    For tests of what comes after: that it makes a dataset is for others to see.
    """

    def call(*specimens: int) -> None:
        for specimen in specimens:
            copied_dataset(made / "stack", work / str(specimen))

    return call


@pytest.fixture
def stacks(begin: Callable[..., None]) -> None:
    """Empty datasets, as stackpack-add makes them for specimens 1, 2 and 3."""
    begin(1, 2, 3)


@pytest.fixture(scope="session")
def served() -> Iterator[FaultyArchive]:
    """An archive that always behaves, for all tests that take nothing else."""
    with FaultyArchive((TINY, GAPS)) as running:
        yield running


@pytest.fixture(scope="session")
def packed_once(
    made: Path, served: FaultyArchive, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The stack of specimen 1 with its reconstruction, to be copied."""
    from datalad.api import stackpack_add

    stack = copied_dataset(made / "stack", tmp_path_factory.mktemp("packed") / "1")
    stackpack_add(
        1, dataset=str(stack), into=str(stack), archive=served.url,
        parts="planes,projections,reconstruction", result_renderer="disabled",
    )  # fmt: skip
    return stack


@pytest.fixture
def packed_stack(packed_once: Path, work: Path) -> Path:
    """The stack of specimen 1, a dataset of its own, as the archive that is ``served`` gives it."""
    return copied_dataset(packed_once, work / "1")


@pytest.fixture
def add(archive: FaultyArchive, work: Path) -> Callable[..., list[Result]]:
    """``stackpack_add`` at the archive: failures are results, not exceptions."""

    def call(specimen: Any = 1, **options: Any) -> list[Result]:
        from datalad.api import stackpack_add

        given = {
            "archive": archive.url,
            "parts": "planes,projections",
            "on_failure": "ignore",
            "result_renderer": "disabled",
        }
        results: list[Result] = stackpack_add(specimen, **(given | options))
        for result in results:
            if result["status"] in ("error", "impossible"):
                logging.getLogger("tests").warning("%s", result)  # shown where a test fails
        return results

    return call


def recorded_archive(options: dict[str, Any]) -> str | None:
    """The archive of some stack that is here: who checks or updates it has to name it."""
    root = Path(str(getattr(options.get("dataset"), "path", options.get("dataset")) or "."))
    for manifest in root.rglob("manifest.json"):
        if manifest.is_symlink():  # perhaps to a device without end
            continue
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads(manifest.read_bytes())["archive"]["url"])
    return None


def on_stacks(name: str) -> Callable[..., list[Result]]:
    """A command about stacks: failures are results, not exceptions."""

    def call(path: Any = None, **options: Any) -> list[Result]:
        import datalad.api

        given = {"on_failure": "ignore", "result_renderer": "disabled"}
        archive = recorded_archive(options)
        results: list[Result] = getattr(datalad.api, name)(
            path, **(given | {"archive": archive} | options)
        )
        return results

    return call


@pytest.fixture
def check(work) -> Callable[..., list[Result]]:
    return on_stacks("stackpack_check")


@pytest.fixture
def update(work) -> Callable[..., list[Result]]:
    return on_stacks("stackpack_update")


@pytest.fixture
def rows(archive, monkeypatch) -> ChangedRows:
    return ChangedRows(archive, monkeypatch)


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from importlib.metadata import PackageNotFoundError

    from datalad_stackpack import settings as own_settings

    found = own_settings.version

    def take_away(name: str, instead: str | None = None) -> None:
        def version(asked: str) -> str:
            if asked != name:
                return found(asked)
            if instead is None:
                raise PackageNotFoundError(name)
            return instead

        monkeypatch.setattr(own_settings, "version", version)

    return take_away
