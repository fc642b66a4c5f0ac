"""The parts that keep web sources fresh, and what each of them is given."""

from dataclasses import dataclass

from blobs import Blobs
from egress import WEB, EgressPolicy, Fetcher, open_session
from process import Life, Wiring
from rag_indexer.config import Settings
from rag_indexer.web_looks import Looks
from rag_indexer.web_reading import WebReader
from rag_indexer.web_requests import WebRequests
from rag_indexer.web_store import WebStore
from rag_indexer.web_worker import WebWorker


@dataclass(frozen=True)
class Web:
    """What answers, and what runs for the life of the process."""

    requests: WebRequests
    worker: WebWorker

    def start(self, life: Life, workers: int) -> None:
        """Begin to look."""
        life.background("web-forgetting", self.worker.forget())
        for number in range(workers):
            life.background(f"web-worker-{number}", self.worker.work())


async def open_web(settings: Settings, wiring: Wiring, life: Life) -> Web:
    """Make the parts, and answer what is asked about sources; nothing is looked at yet."""
    policy = EgressPolicy(settings.web_allow_private_networks, WEB)
    session = await life.enter(
        open_session(
            policy, user_agent=settings.web_user_agent, total_seconds=settings.web_page_seconds
        )
    )
    store, blobs = WebStore(), Blobs.open(settings.blob_url)
    fetcher, rule = Fetcher(session, policy), settings.reading_rule()
    reader = WebReader(fetcher, policy, wiring.database, store, rule)
    looks = Looks(wiring.outbox, blobs, store, reader, settings.parser_limits())
    worker = WebWorker(wiring.database, store, looks, settings.look_rule())
    requests = WebRequests(wiring.outbox, store, worker, policy)
    requests.register(wiring.bus)
    return Web(requests, worker)
