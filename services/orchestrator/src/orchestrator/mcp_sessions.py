"""Sessions with tenants' MCP servers: opened when they are needed, used again, closed in the end.

Each is held by a task of its own. A server that hangs, breaks or crashes ends its session and
fails the calls that waited for it, nothing else. The SDK is imported with the first session.
"""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import aiohttp

import observe
from egress import EgressPolicy, open_session
from orchestrator.mcp_servers import Announced, McpAddress, ServerFailed
from orchestrator.tools import ToolFailed

if TYPE_CHECKING:
    from orchestrator.mcp_client import Connected

OPEN_SECONDS: Final = 15.0
IDLE_SECONDS: Final = 300.0
SESSIONS_MAX: Final = 64
CHILDREN_MAX: Final = 16
CONNECTIONS_MAX: Final = 200

_log = observe.get_logger("orchestrator.mcp_sessions")

Key = tuple[UUID, str]


class _Session:
    """A session, and the task that holds it open."""

    def __init__(self, address: McpAddress) -> None:
        self.address = address
        self.used_at = monotonic()
        self.in_use = 0
        self.retired = False
        self.closing = asyncio.Event()
        self.ready: asyncio.Future[Connected] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether it cannot be used any more."""
        return self.closing.is_set() or self.task is None or self.task.done()


class McpSessions:
    """At most one session a tenant and server, in this process."""

    def __init__(
        self,
        policy: EgressPolicy,
        commands: Mapping[str, Sequence[str]],
        changed: Callable[[McpAddress], None] = lambda _address: None,
    ) -> None:
        self._policy = policy
        self._commands = commands
        self.changed = changed
        self._http: aiohttp.ClientSession | None = None
        self._sessions: dict[Key, _Session] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def announced(self, address: McpAddress) -> list[Announced]:
        """Ask a server for its tools; ServerFailed says why there is no answer."""
        session = self._session(address)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                connected = await self._opened(session)
                return await connected.announced()
        except TimeoutError:
            self._end(session)
            raise ServerFailed(f"it did not answer within {OPEN_SECONDS:g} seconds") from None
        except BaseException:
            self._end(session)
            raise

    async def call(
        self, address: McpAddress, name: str, arguments: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> str:
        """Call a tool; a session whose answer nobody waited for is used no more: it may hang."""
        session = self._session(address)
        session.in_use += 1
        try:
            try:
                async with asyncio.timeout(OPEN_SECONDS):
                    connected = await self._opened(session)
            except (ServerFailed, TimeoutError) as error:
                self._end(session)
                _log.info("an MCP server cannot be reached", reason=str(error))
                raise ToolFailed("the tool could not be reached", "unreachable") from None
            return await connected.call(name, arguments, meta)
        except ToolFailed as failure:
            session.retired |= failure.maybe_done
            raise
        except BaseException:
            session.retired = True
            raise
        finally:
            session.in_use -= 1
            session.used_at = monotonic()
            self._retire(session)

    def forget(self, tenant_id: UUID, name: str) -> None:
        """End a session: its server was changed or taken away."""
        session = self._sessions.get((tenant_id, name))
        if session is not None:
            self._end(session)

    def close_idle(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """End sessions that nobody used for long."""
        before = monotonic() - idle_seconds
        for session in list(self._sessions.values()):
            if session.over or (session.in_use == 0 and session.used_at < before):
                self._end(session)

    async def close(self) -> None:
        """End every session, and wait for that."""
        for session in list(self._sessions.values()):
            self._end(session)
        if self._ending:
            await asyncio.wait(self._ending, timeout=10)
        if self._http is not None:
            await self._http.close()

    def _retire(self, session: _Session) -> None:
        """A new session serves from now on; who still uses the old one may go on."""
        if session.retired and (session.in_use == 0 or session.address.transport == "stdio"):
            self._end(session)
        elif session.retired and self._sessions.get(session.address.key) is session:
            del self._sessions[session.address.key]

    def _session(self, address: McpAddress) -> _Session:
        found = self._sessions.get(address.key)
        if found is not None and not found.over and found.address == address:
            found.used_at = monotonic()
            return found
        if found is not None:
            self._end(found)
        self._make_room(address)
        session = self._sessions[address.key] = _Session(address)
        session.task = asyncio.create_task(self._hold(session))
        return session

    def _make_room(self, address: McpAddress) -> None:
        alike = [
            one
            for one in self._sessions.values()
            if address.transport != "stdio" or one.address.transport == "stdio"
        ]
        if len(alike) < (CHILDREN_MAX if address.transport == "stdio" else SESSIONS_MAX):
            return
        idle = [one for one in alike if one.in_use == 0]
        if not idle:
            raise ServerFailed("too many servers are in use at the moment")
        self._end(min(idle, key=lambda one: one.used_at))

    async def _opened(self, session: _Session) -> "Connected":
        return await asyncio.shield(session.ready)

    async def _hold(self, session: _Session) -> None:
        # Importing takes most of a second: the turns of others go on meanwhile.
        client = await asyncio.to_thread(importlib.import_module, "orchestrator.mcp_client")
        address = session.address
        try:
            async with client.connect(
                address,
                self._commands,
                self._opened_http(),
                self._policy,
                lambda: self.changed(address),
            ) as connected:
                session.ready.set_result(connected)
                await session.closing.wait()
        except Exception as error:  # noqa: BLE001 - whatever a server does ends its session only
            words = client.words_of(error)
            if not session.ready.done():
                session.ready.set_exception(ServerFailed(words))
            _log.info("a session with an MCP server ended", reason=words)
        finally:
            if not session.ready.done():
                session.ready.set_exception(ServerFailed("it was given up"))
            session.ready.exception()  # nobody may be waiting for it

    def _end(self, session: _Session) -> None:
        session.closing.set()
        if self._sessions.get(session.address.key) is session:
            del self._sessions[session.address.key]
        task = session.task
        if task is None or task.done():
            return
        if not session.ready.done():
            task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _opened_http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = open_session(
                self._policy,
                user_agent="meta-chat-mcp/1",
                total_seconds=OPEN_SECONDS,
                connections_max=CONNECTIONS_MAX,
            )
        return self._http
