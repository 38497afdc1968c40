"""What a command did to stacks, in plain words, from its result records."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import quoted
from datalad_stackpack.stack.series import KINDS


def summary(results: Sequence[Result]) -> str:
    """A line for each stack that was packed or failed, and one for all if there are several."""
    stacks = [result for result in results if "complete" in result]
    failed = [one for one in results if one.get("error") and one["type"] != "file"
              and any(kind in one for kind in KINDS)]  # fmt: skip
    plans = [result for result in results if "estimated_bytes" in result]
    lines = [_packed(result) for result in stacks]
    lines += [f"{_subject(one)}: failed: {one['message']}" for one in failed if len(results) > 1]
    if len(stacks) + len(failed) > 1 and not plans:
        whole = sum(result["complete"] for result in stacks)
        lines.append(
            f"{_stacks(len(stacks))}, {whole} of them complete; {len(failed)} could not be packed"
        )
    return "\n".join([*lines, *_planned(plans, len(failed))])


def _packed(result: Result) -> str:
    counted = (
        f"{result['files']} of {result['planned']} files, {_in_units(result['bytes'])}, "
        f"{result['seconds']:.1f} s"
    )
    news = "commit" if result["changed"] else "nothing new, commit"
    commit = f"{news} {result['commit'][:10]}" if result["commit"] else "no commit"
    return f"{_subject(result)}: {_state(result)}, {counted}, {commit}"


def _planned(plans: Sequence[Result], failed: int) -> list[str]:
    if not plans:
        return []
    files = sum(result["planned"] for result in plans)
    fresh = sum(result["to_come"] for result in plans)
    size = _in_units(sum(result["estimated_bytes"] for result in plans))
    others = f"; {failed} could not be planned" if failed else ""
    return [
        f"{_stacks(len(plans))}, {fresh} of {files} files to come, about {size} (dry run){others}"
    ]


def _stacks(number: int) -> str:
    return f"{number} stack{'s' * (number != 1)}"


def _subject(result: Result) -> str:
    named = [f"{kind.called} {result[kind.name]}" for kind in KINDS.values() if kind.name in result]
    return named[0] if named else quoted(result["path"])


def _state(result: Result) -> str:
    if result["complete"]:
        return "complete"
    whole = result["files"] == result["planned"] and not result["bytes"]
    return "registered only" if whole else "incomplete"


def _in_units(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError(count)
