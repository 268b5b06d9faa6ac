"""What template files are called: ``<folder>/<file>``, for example ``change/body.html.j2``."""

from __future__ import annotations

import difflib
from enum import StrEnum

from contact_manager.domain.change import Change, ChangeKind, fold_change_type

_CHANGES = "change"
_ANNOUNCEMENTS = "announcement"
_NEAR = 0.85


class TemplateFile(StrEnum):
    """The texts that a folder may hold."""

    SUBJECT = "subject.txt.j2"
    BODY = "body.html.j2"
    CANCELLATION = "cancellation.txt.j2"


def template_folders(kind: ChangeKind, change_type: str = "") -> tuple[str, ...]:
    """Return the folders in which texts are looked for, best first; built-in texts exist in the last."""
    if kind.is_announcement:
        return (f"{_ANNOUNCEMENTS}_{kind}", _ANNOUNCEMENTS)
    return (change_type, _CHANGES) if change_type else (_CHANGES,)


def folders_of(change: Change) -> tuple[str, ...]:
    """Return the folders in which the texts of a change are looked for, best first."""
    return template_folders(change.kind, change.change_type)


def kinds_of(folder: str) -> tuple[ChangeKind, ...]:
    """Return the kinds of change whose texts are looked for in ``folder``."""
    if not folder.startswith(_ANNOUNCEMENTS):
        return (ChangeKind.CHANGE,)
    return tuple(kind for kind in ChangeKind if folder in template_folders(kind))


def is_partial(name: str) -> bool:
    """Return whether the file is only there for others: it, or a folder above it, begins with ``_``."""
    return any(part.startswith("_") for part in name.split("/"))


def name_problem(name: str) -> str:
    """Return what is wrong with a file's name, or ``""``."""
    folder, _, file = name.rpartition("/")
    if is_partial(name) or (_is_folder(folder) and file in set(TemplateFile)):
        return ""
    near = difflib.get_close_matches(name.lower(), _names_near(folder), n=1)
    files = ", ".join(TemplateFile)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {files}, in a folder such as change"
    return f"unknown template name; {hint}"


def _is_folder(folder: str) -> bool:
    """Return whether texts may be looked for there: almost the name of an announcement's is a mistake."""
    known = _known_folders()
    if folder in known:
        return True
    announcements = [each for each in known if each.startswith(_ANNOUNCEMENTS)]
    is_near = difflib.get_close_matches(folder, announcements, n=1, cutoff=_NEAR)
    return fold_change_type(folder) == folder != "" and not folder.startswith(_ANNOUNCEMENTS) and not is_near


def _names_near(folder: str) -> list[str]:
    meant = fold_change_type(folder)
    folders = [meant, *_known_folders()] if _is_folder(meant) else _known_folders()
    return [f"{each}/{file}" for each in dict.fromkeys(folders) for file in TemplateFile]


def _known_folders() -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for kind in ChangeKind for each in template_folders(kind)))
