"""Hooks that run where pulumi runs: programs, and signed POSTs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from site_recovery import authorities
from site_recovery.declared.hooks import Webhook
from site_recovery.hooks import Told

SIGNATURE = "X-Migration-Signature"
IDEMPOTENCY = "Idempotency-Key"
_TRIES = 5
_SECONDS = 30.0
"""How long one try of a webhook may take."""
_KEPT = 4096
"""Bytes that are kept of what a hook says: the end for a program, the beginning for an answer."""
_READ = 65536


class LocalHooks:
    """See `convergence.hooks.HookRunner`.

    Args:
        wave: the name of the wave.
        sleep: waits between two tries of a webhook, in seconds.
    """

    def __init__(
        self, wave: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.wave = wave
        self._sleep = sleep

    async def command(self, command: Sequence[str], told: Told, within: timedelta) -> str:
        """Run a program without a shell; its output is shown if it does not end with 0."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **told.environment()},
                # What it starts ends with it, and Ctrl-C leaves it to the run.
                start_new_session=True,
            )
        except OSError as error:
            return f"{command[0]} cannot be run: {error.strerror or error}"
        try:
            async with asyncio.timeout(within.total_seconds()):
                out = await _end_of(process.stdout)
                await process.wait()
        except TimeoutError:
            await _kill(process)
            return f"{command[0]} did not end within {within}"
        except asyncio.CancelledError:
            await _kill(process)
            raise
        if process.returncode == 0:
            return ""
        said = out.decode(errors="replace").strip()
        return f"{command[0]} ended with {process.returncode}{f': {said}' if said else ''}"

    async def webhook(self, webhook: Webhook, told: Told, within: timedelta) -> str:
        """Send the POST; again after a 5xx, a 429 or no answer, with the same idempotency key."""
        secret = os.environ.get(webhook.secret_env)
        if not secret:
            return f"the environment variable {webhook.secret_env} is not set"
        body = json.dumps(told.body(), sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            SIGNATURE: signature(secret, body),
            IDEMPOTENCY: f"{told.attempt}/{told.hook}".replace(" ", "-"),
        }
        wrong = ""
        try:
            async with asyncio.timeout(within.total_seconds()):
                for number in range(_TRIES):
                    if number:
                        await self._sleep(2.0**number)
                    wrong, again = await _posted(webhook, body, headers)
                    if not again:
                        return wrong
        except TimeoutError:
            return wrong or f"{webhook.host} did not answer within {within}"
        return wrong


def signature(secret: str, body: bytes) -> str:
    """The value of the header that signs a body: `sha256=` and the HMAC in hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


async def _end_of(stream: asyncio.StreamReader | None) -> bytes:
    """The last bytes of a stream."""
    end = b""
    while stream is not None and (read := await stream.read(_READ)):
        end = (end + read)[-_KEPT:]
    return end


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a program and all that it started, also what it left behind."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


async def _posted(webhook: Webhook, body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    """What is wrong with a try, or empty; and whether another one may help."""
    import aiohttp  # The program imports this module and sends nothing.

    limit = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            authorities.session(timeout=limit) as session,
            session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if 200 <= answer.status < 300:
                return "", False
            said = (await answer.content.read(_KEPT)).decode(errors="replace").strip()
            wrong = f"{webhook.host} answered {answer.status}{f': {said}' if said else ''}"
            return wrong, answer.status >= 500 or answer.status == 429
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        # The words of some errors hold the URL, which may hold a secret.
        why = type(error).__name__ if webhook.url in str(error) else str(error)
        return f"{webhook.host} does not answer ({why or type(error).__name__})", True
