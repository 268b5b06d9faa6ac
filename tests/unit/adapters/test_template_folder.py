"""Reading a folder of templates, whatever lies in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contact_manager.adapters.template_folder import MAX_ENTRIES, read_template_folder
from contact_manager.errors import ConfigError
from contact_manager.formats.rendering import MAX_TEMPLATE_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "templates"
    (path / "change").mkdir(parents=True)
    (path / "change" / "body.html.j2").write_bytes(b"<p>\xc3\xa9</p>\n")
    return path


def problems_of(folder: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read_template_folder(folder)
    return {str(Path(one.path).relative_to(folder)): one.message for one in caught.value.problems}


def test_every_file_is_read_by_its_name(folder: Path) -> None:
    (folder / "_shared" / "deep").mkdir(parents=True)
    (folder / "_shared" / "deep" / "x.j2").write_text("")
    (folder / "README").write_text("not judged here")
    assert read_template_folder(folder) == {
        "change/body.html.j2": b"<p>\xc3\xa9</p>\n",
        "_shared/deep/x.j2": b"",
        "README": b"not judged here",
    }


def test_what_begins_with_a_dot_is_left_out(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    (folder / "change" / ".body.html.j2.swp").write_bytes(b"\xff")
    assert list(read_template_folder(folder)) == ["change/body.html.j2"]


def test_links_inside_are_followed_as_a_mounted_volume_makes_them(folder: Path) -> None:
    (folder / "..data").mkdir()
    (folder / "change").rename(folder / "..data" / "change")
    (folder / "change").symlink_to("..data/change")
    (folder / "network").symlink_to("change")
    assert read_template_folder(folder).keys() == {"change/body.html.j2", "network/body.html.j2"}


def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    (folder / "_key.txt").symlink_to(tmp_path / "secret" / "key.txt")
    (folder / "_keys").symlink_to("../secret")
    assert problems_of(folder) == dict.fromkeys(
        ("_key.txt", "_keys"), "the link leads out of the folder of templates"
    )


def test_what_cannot_be_read_is_named_and_all_of_it_at_once(folder: Path) -> None:
    (folder / "gone.j2").symlink_to("nowhere")
    (folder / "self.j2").symlink_to("self.j2")
    os.mkfifo(folder / "pipe.j2")
    problems = problems_of(folder)
    assert problems.keys() == {"gone.j2", "self.j2", "pipe.j2"}
    assert problems["pipe.j2"] == "cannot be read: it is no regular file"


def test_links_in_a_circle_come_to_an_end(folder: Path) -> None:
    for number in range(3):
        (folder / "change" / f"_again{number}").symlink_to("..")
    assert f"more than {MAX_ENTRIES:,}" in problems_of(folder)["."]


def test_of_a_file_that_is_too_large_only_so_much_is_read_as_shows_it(folder: Path) -> None:
    with (folder / "_large.j2").open("wb") as file:
        file.truncate(10 * MAX_TEMPLATE_BYTES)
    assert len(read_template_folder(folder)["_large.j2"]) == MAX_TEMPLATE_BYTES + 1


def test_a_name_that_is_no_text_can_be_shown(folder: Path) -> None:
    (folder / os.fsdecode(b"gr\xf6sse.j2")).write_text("x")
    assert "gr\ufffdsse.j2" in read_template_folder(folder)
