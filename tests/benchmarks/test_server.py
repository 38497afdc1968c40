"""The archive of the benchmark answers all that a packing asks: the benchmark is not run by CI."""

from __future__ import annotations

from pathlib import Path

from support.helpers import statuses


def test_a_stack_of_the_benchmarks_archive_is_packed(add, work, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import archives

    with archives.plain(20_000) as running:
        results = add(1_000_003, archive=running.url, parts="planes")
        assert statuses(results)["stack"] == "ok"
        assert running.asked() == 3
