"""Citations to render, made from manifests and from what git could have said.

complete    of a stack at the Allen archive, with its cell
CITATIONS   that one and others: incomplete, unsaved, of another archive, with a stranger's text
"""

from __future__ import annotations

from dataclasses import replace

from support.examples import (
    EXAMPLE,
    KEYS,
    cell_row,
    packed,
    plane_row,
    projection_row,
    reconstruction_row,
)

from datalad_stackpack.archive.sources import Terms, allen
from datalad_stackpack.citation.record import Citation, CommitInfo, compose

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DATASET = "f6a60aae-edec-41f6-834f-66fdd8ff98cf"
NASTY = "50% of {braces} & _under_ \\ $x$ #1 ~ ^ é \x1b[31m\n: - 'quote' \"double\""


def commit_info(manifest, **changes) -> CommitInfo:
    return replace(
        CommitInfo(
            directory=".",
            dataset_id=DATASET,
            commit=COMMIT,
            date="2026-11-22T18:40:29+00:00",
            author="Élodie Reader",
            command="datalad stackpack-add -d . 313862022",
            keys={entry.path: entry.key for entry in manifest.files},
            unsaved=0,
        ),
        **changes,
    )


def cited(manifest, **changes) -> Citation:
    return compose(manifest, commit_info(manifest, **changes))


def at_allen(manifest):
    source = allen()
    return replace(manifest, archive_name=source.name, archive_url=source.url, terms=source.terms)


ROWS = ([plane_row(), plane_row(id=8, section_number=5)], [projection_row()])
DESCRIBED = packed(
    *ROWS, reconstruction_rows=[reconstruction_row()], cell_rows=[cell_row(structure__id=721)]
)
COMPLETE = cited(at_allen(DESCRIBED))
STRANGE = replace(
    EXAMPLE,
    archive_name=NASTY,
    terms=Terms(NASTY, None, NASTY, "10.1/{x}_y", NASTY, NASTY),
    files=tuple(replace(entry, url=f"{entry.url}#\x1b{{%}}") for entry in EXAMPLE.files),
)
strange = cited(STRANGE, dataset_id=None, author=NASTY, directory=NASTY)
CITATIONS = {
    "complete": COMPLETE,
    "images": replace(COMPLETE, named=COMPLETE.files),
    "incomplete": cited(at_allen(packed(*ROWS, fates=(KEYS[0], None)))),
    "registered only": cited(packed(*ROWS, fates=(KEYS[2],))),
    "unsaved": cited(EXAMPLE, unsaved=2, directory="stacks/one"),
    "broken": cited(EXAMPLE, keys={}),
    "strange": replace(strange, named=strange.files),
}
