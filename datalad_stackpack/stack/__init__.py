"""Facts and decisions about a stack; no HTTP, no git, no clock, no file system.

The main flow: :mod:`~datalad_stackpack.stack.query` (what to ask, and what the reply says),
:mod:`~datalad_stackpack.stack.images` (rows to image records),
:mod:`~datalad_stackpack.stack.layout` (image records to paths and URLs),
:mod:`~datalad_stackpack.stack.steps` (what is still to be done about each file),
:mod:`~datalad_stackpack.stack.acceptance` (is this the picture that was asked for?),
:mod:`~datalad_stackpack.stack.manifest` (what was accepted, written down).
"""
