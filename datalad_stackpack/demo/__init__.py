"""A small synthetic archive on loopback, standing in for the Allen one.

It answers the same queries in the same manner, with images that it draws
itself, so that everything can be tried and tested without a network. Nothing
in it is data of a real neuron: only some names and numbers are borrowed, so
that a demo looks like the real job.

    cells     what a cell is, and two that look like real ones
    more_cells  small cells to choose from: the table to add a row to
    data_sets series of section images, asked for by the id of a data set
    structures  the parts of the brain that they lie in
    neuron    the invented neuron of a cell, and its SWC file
    images  the images of a cell: ids, paths, bounding boxes
    render    the images themselves, drawn on request
    rows      what the archive says about cells, images and files
    rma       the query language: from text to a query
    selection what a query finds, and the bytes of the answer
    wire      HTTP: a request in, a reply out, broken off on demand
    server    the archive: which request gets which reply
"""

from __future__ import annotations

from .cells import DemoCell
from .server import DEFAULT_PORT, DEMO_CELLS, DEMO_NAME, DemoArchive
from .wire import HangUp, Reply, Request, Reset

__all__ = [
    "DEFAULT_PORT",
    "DEMO_CELLS",
    "DEMO_NAME",
    "DemoArchive",
    "DemoCell",
    "HangUp",
    "Reply",
    "Request",
    "Reset",
]
