"""How many connections the process may have open: as many as it has descriptors for."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 128
"""For what is open besides: files, pipes, name lookups, and the connections to Microsoft, S3, SQS and SSM."""


def fit_connections(wanted: int) -> int:
    """Return how many of the ``wanted`` connections may be open, at least one.

    Where the limit of open files is too low it is raised as far as it may be, for this process only; on
    macOS it is 256 until somebody raises it. Windows has none that matters here.
    """
    if sys.platform == "win32":
        return wanted
    limit = _raise_limit(wanted + RESERVED_DESCRIPTORS)
    fitting = min(wanted, max(limit - RESERVED_DESCRIPTORS, limit // 4, 1))
    if fitting < wanted:
        _log.info("aws.connections_limited open_files=%d connections=%d", limit, fitting)
    return fitting


def _raise_limit(needed: int) -> int:
    """Return the limit of open files, after raising it up to ``needed`` if that is allowed."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return needed
    raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft >= raised:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):
        return soft
    return raised
