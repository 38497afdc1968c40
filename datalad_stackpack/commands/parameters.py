"""Options that several commands share."""

from __future__ import annotations

from datalad.support.param import Parameter

ARCHIVE = Parameter(
    args=("--archive",),
    metavar="NAME|URL",
    doc="""the archive to ask: 'allen' (https://api.brain-map.org), 'demo' (a synthetic one on this
    machine), or the base URL of any RMA server. The default is the configuration
    'datalad.stackpack.archive', 'allen' unless set.""",
)

STACKS = Parameter(
    args=("path",),
    metavar="PATH",
    nargs="*",
    doc="""the directory of a stack, or one with stacks below it. Default: every stack of the
    dataset.""",
)

DATASET_OF_STACKS = Parameter(
    args=("-d", "--dataset"),
    metavar="DATASET",
    doc="""the dataset that has the stacks; default: the one around the current directory.""",
)

JOBS = Parameter(
    args=("-J", "--jobs"),
    metavar="NJOBS",
    doc="""how many pictures to ask for at once, 1 to 32. The archive is a public service: be
    polite. Default: 4.""",
)
