"""A small synthetic archive on loopback, standing in for the Allen one.

It answers the same queries in the same manner, with images that it draws
itself, so that everything can be tried and tested without a network. Nothing
in it is data of a real neuron: only some names and numbers are borrowed, so
that a demo looks like the real job.

    cells       what a cell is
    catalogue   which parts of a brain, cells and data sets there are
    neuron      the invented neuron of a cell, and its SWC and marker files
    images      which images there are of a cell, and how each is drawn
    details     the flat row of a cell, 54 fields, and its measures
    rows        what the archive says about cells, images and files
    rma         the query language: from text to a query, from rows to JSON, XML or CSV
    selection   from a query to its rows
    wire        HTTP: a request in, a reply out
    server      the archive: which request gets which reply
"""

from __future__ import annotations

from datalad_stackpack.demo.catalogue import DEMO_CELLS
from datalad_stackpack.demo.cells import DemoCell
from datalad_stackpack.demo.server import DEFAULT_PORT, DEMO_NAME, DemoArchive
from datalad_stackpack.demo.wire import Reply, Request

__all__ = [
    "DEFAULT_PORT",
    "DEMO_CELLS",
    "DEMO_NAME",
    "DemoArchive",
    "DemoCell",
    "Reply",
    "Request",
]
