"""What botocore raises, told in this package's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from contact_manager.adapters.aws.errors import (
    Asked,
    Refusal,
    clean_code,
    find_region,
    measure_clock,
    one_line,
    refused,
    shorten,
    unanswered,
    unready,
)
from contact_manager.broken_off import naming

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


@asynccontextmanager
async def translating(asked: Asked, *, with_words: bool = True) -> AsyncIterator[None]:
    """Raise what botocore raises in the body as ``RemoteServiceError``.

    Args:
        asked: The request.
        with_words: Whether to tell AWS's own words, which may repeat what was sent or read.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnectionError

    try:
        with naming(asked.service, asked.operation):
            yield
    except ClientError as error:
        raise refused(asked, read_client_error(error, with_words=with_words)) from error
    except (HTTPClientError, NoConnectionError, TimeoutError, aiohttp.ClientError) as error:
        raise unanswered(asked, str(error) or type(error).__name__) from error
    except BotoCoreError as error:
        raise unready(asked, type(error).__name__, f"{error}; check the AWS settings") from error
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
        raise unready(asked, "InvalidSettings", f"{reason}; check that file") from error
    except ValueError as error:
        reason = "a value in the AWS config file or in an AWS_ variable cannot be used; check both"
        raise unready(asked, "InvalidSettings", reason) from error


def read_client_error(error: ClientError, *, with_words: bool = True) -> Refusal:
    """Return what AWS said; without ``with_words`` nothing of its message is shown."""
    said, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    words, headers = one_line(str(said.get("Message") or "")), metadata.get("HTTPHeaders", {})
    return Refusal(
        metadata.get("HTTPStatusCode", 0),
        clean_code(str(said.get("Code") or "")),
        shorten(words) if with_words else "",
        metadata.get("RequestId", ""),
        whole_message=words,
        clock_offset=measure_clock(headers, words),
        right_region=str(said.get("Region") or find_region(headers, words)),
    )
