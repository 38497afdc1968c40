"""What the job ``look`` starts works, in small: the benchmark is not run by CI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_programs_of_the_benchmark_say_what_they_cost(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import jobs
    import planes

    monkeypatch.setattr(planes, "HEIGHT", 80)
    monkeypatch.setattr(planes, "WIDTH", 64)
    planes.draw(3, tmp_path / "stack")
    for program in ("full", "eighth", "page", "opening"):
        words = [sys.executable, HERE / "look.py", program, tmp_path / "stack"]
        printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        cost = json.loads(printed)
        assert cost.keys() == {"wall_s", "cpu_s", "peak_mib", "peak_any_mib"}
        assert cost["peak_mib"] > 10
    assert str(jobs.Limit("cpu", 1.3, 1.2)).endswith("NOT MET")
