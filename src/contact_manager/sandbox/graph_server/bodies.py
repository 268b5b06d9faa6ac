"""What Exchange makes of an HTML body, and the block that Teams puts into it."""

from __future__ import annotations

import html
import re

_LINE = "_" * 80


def rewritten(content: str, *, rename_ids: bool) -> str:
    """Return ``content`` as Exchange keeps it: a whole page, quotes unified, ids perhaps renamed."""
    inner = re.search(r"<body[^>]*>(.*)</body>", content, re.DOTALL | re.IGNORECASE)
    text = inner.group(1) if inner else content
    text = re.sub(r"(\s[\w-]+)='([^'\"]*)'", r'\1="\2"', text)
    if rename_ids:
        text = re.sub(r'(\sid=")(?!x_)', r"\1x_", text)
    head = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
    return f"<html><head>\r\n{head}</head><body>{text}</body></html>"


def with_join_block(content: str, join_url: str) -> str:
    """Return the page with the block that Teams appends."""
    link = html.escape(join_url)
    block = (
        f'<div style="width:100%"><span style="white-space:nowrap; color:#5F5F5F">{_LINE}</span></div>'
        '<div class="me-email-text" lang="en-US"><div><span>Microsoft Teams meeting</span></div>'
        f'<div><a href="{link}" target="_blank">Join the meeting now</a></div></div>'
    )
    return content.replace("</body>", f"{block}</body>")


def mentions(content: str, join_url: str) -> bool:
    """Tell whether the join link stands in the body."""
    return join_url in html.unescape(content)


def preview(content: str) -> str:
    """Return the first 255 characters of the body's text."""
    without_head = re.sub(r"<head>.*?</head>", "", content, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without_head)).split())[:255]
