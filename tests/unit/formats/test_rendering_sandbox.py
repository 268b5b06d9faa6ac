"""What a template cannot do, whoever wrote it, and what a change file cannot do to a template."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from contact_manager.formats.rendering import Templates
from tests.fakes.worlds import change
from tests.unit.formats.template_files import problems_of, templates

RECORD = {"owner": "Ann", "tags": ["a"], "secret": "{{ 7 * 7 }}"}


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ [''] | map(attribute='__class__') | first }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{0.__class__}' | format }}{{ '{x.__class__}'.format_map({'x': 1}) }}",
        "{{ change.__init__.__globals__ }}",
        "{{ change.meeting_end.__globals__ }}",
        "{{ change.meeting_end.__func__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ change.record.update({'owner': 'Eve'}) }}",
        "{{ change.record.pop('owner') }}",
        "{{ change.record.clear() }}",
        "{{ change.record.setdefault('x', 1) }}",
        "{{ change.record.tags.append('b') }}",
        "{{ change.record.__setitem__('owner', 'Eve') }}",
        "{% set change.title = 'x' %}",
        "{% include '/etc/passwd' %}",
        "{% include '../../../../etc/passwd' %}",
        "{% include 'change/../change/body.html.j2' %}",
        "{% import '/etc/passwd' as x %}",
        "{% extends '../../etc/passwd' %}",
        "{% include 'announcement/body.html.j2' %}",
        "{{ range(10 ** 9) | list }}",
        "{{ open('/etc/passwd').read() }}",
        "{{ ''.join(change.record | random) }}",
        "{{ lipsum() }}",
        "{{ change.meeting_start.now() }}",
        "{{ change.meeting_start.max.today() }}",
        "{{ change.meeting_start.date().today() }}",
        "{{ change.meeting_start.utcnow() }}",
        "{{ change.meeting_start.astimezone() }}",
    ],
)
def test_what_reaches_out_of_the_sandbox_is_an_error_and_gives_no_text(template: str) -> None:
    record = copy.deepcopy(RECORD)
    held = change(record=record)

    def work() -> None:
        templates(change=template).body(held)

    [(path, message)] = problems_of(work).items()
    assert path == "change/body.html.j2:1"
    assert "root:" not in message
    assert record == RECORD


def test_a_file_beside_the_folder_is_not_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    monkeypatch.chdir(tmp_path)
    for name in ("secret.txt", "./secret.txt", str(tmp_path / "secret.txt"), "../secret.txt"):
        problems = problems_of(templates(change="{% include '" + name + "' %}").body, change())
        assert "there is no template" in problems["change/body.html.j2:1"]


@pytest.mark.parametrize(
    "template",
    [
        "<p title='{{ change.title }}'>{{ change.title }}</p>",
        "<p title='{{ change.title | trim }}'>{{ change.title | lower }}</p>",
        "<p title='{{ change.record.html }}'>{{ change.record.html | lines }}</p>",
        "{% set t = change.title %}<p title='{{ t }}'>{{ t ~ '' }}</p>",
        "<p title='{{ subject }}'>{{ '%s' | format(subject) }}</p>",
    ],
)
def test_html_in_a_change_is_escaped(template: str) -> None:
    hostile = "</p></div><script>alert('x')</script>\" onclick='y'"
    body = templates(change=template).body(change(title=hostile, record={"html": hostile}))
    assert "<script" not in body
    assert "</div>" not in body
    assert "onclick='y'" not in body
    assert "&lt;script&gt;alert(&#39;x&#39;)" in body


def test_text_in_a_change_is_no_template() -> None:
    hostile = change(title="{{ 7 * 7 }}{% include '/etc/passwd' %}", record=dict(RECORD))
    assert "{{ 7 * 7 }}" in Templates().body(hostile)
    body = templates(change="{{ change.title }} {{ change.record.secret }}").body(hostile)
    assert body.count("{{ 7 * 7 }}") == 2
    assert "49" not in body


def test_a_cancellation_holds_no_tags_whichever_way_it_is_read() -> None:
    ours = templates({"change/cancellation.txt.j2": "{{ change.title }} is off."})
    told = ours.cancellation(change(title="<a href=x>a</a> <!-- 1 < 2 & 3"))
    assert told == "< a href=x>a< /a> < !-- 1 < 2 & 3 is off."
