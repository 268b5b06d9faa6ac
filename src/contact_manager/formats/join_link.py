"""The join link of a meeting, for a calendar entry that is no online meeting itself."""

from __future__ import annotations

from markupsafe import Markup


def render_join_link(join_url: str) -> str:
    """Return the link as an HTML fragment."""
    link = Markup('\n<p><a href="{0}">Join the Microsoft Teams meeting</a><br>\n{0}</p>').format(join_url)
    return str(link)  # text that is added to Markup would be escaped
