"""A change becomes text for people, by the operator's templates or the built-in ones."""

from __future__ import annotations

from contact_manager.formats.rendering.checking import check_templates
from contact_manager.formats.rendering.parsing import MAX_TEMPLATE_BYTES, parse_templates
from contact_manager.formats.rendering.texts import Templates

__all__ = ["MAX_TEMPLATE_BYTES", "Templates", "check_templates", "parse_templates"]
