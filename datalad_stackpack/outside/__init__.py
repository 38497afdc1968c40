"""The outside worlds, one module each, small enough to replace.

The doors to them: :mod:`~datalad_stackpack.outside.archive` (HTTP),
:mod:`~datalad_stackpack.outside.downloads` (many at once),
:mod:`~datalad_stackpack.outside.annex` (git-annex),
:mod:`~datalad_stackpack.outside.index` (git's index),
:mod:`~datalad_stackpack.outside.dataset` (DataLad),
:mod:`~datalad_stackpack.outside.processes` (the one gate to other programs).
"""
