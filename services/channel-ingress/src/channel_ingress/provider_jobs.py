"""What asks providers by itself: for customers' files, channels' health and templates."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from blobs import Blobs
from bus import Bus
from channel_ingress.config import Settings
from channel_ingress.contact_book import ContactBook
from channel_ingress.credentials import Credentials
from channel_ingress.effects import Effect
from channel_ingress.graph import GraphClient
from channel_ingress.health_book import HealthBook
from channel_ingress.health_checks import HealthChecks
from channel_ingress.health_effect import HealthEffect
from channel_ingress.health_requests import HealthRequests
from channel_ingress.health_store import HealthStore
from channel_ingress.media_addresses import MediaAddresses
from channel_ingress.media_effect import MediaEffect
from channel_ingress.media_fetch import MediaFetcher
from channel_ingress.media_job import MediaJob
from channel_ingress.media_store import MediaStore
from channel_ingress.parking import Parking
from channel_ingress.store import Store
from channel_ingress.template_requests import KnownTemplates, TemplateRequests
from channel_ingress.template_store import TemplateStore
from channel_ingress.template_sync import TemplateEffect, TemplateSync
from outbox import Outbox
from postgres import Database


@dataclass(frozen=True, slots=True)
class ProviderJobs:
    """The jobs, the effects that feed them, and what the planner asks of them."""

    media: MediaJob
    checks: HealthChecks
    templates: TemplateSync
    known_templates: KnownTemplates
    effects: list[Effect]

    def background(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What runs until the process ends, by name."""
        return {
            "media": self.media.run,
            "health": self.checks.run,
            "templates": self.templates.run,
        }


def compose_provider_jobs(
    settings: Settings,
    database: Database,
    bus: Bus,
    outbox: Outbox,
    store: Store,
    credentials: Credentials,
    graph: GraphClient,
    contacts: ContactBook,
    parking: Parking,
) -> ProviderJobs:
    """Make the jobs, and answer what is asked about channels and templates."""
    book = HealthBook(outbox, store, HealthStore(), parking)
    parking.listeners.append(book)
    media = _media_job(settings, database, outbox, store, credentials, graph, book)
    hearing, templates = HealthEffect(book), TemplateStore()
    checks = HealthChecks(
        database,
        store,
        book,
        hearing,
        templates,
        graph,
        credentials,
        graph_version=settings.graph_version,
        first_look_seconds=settings.first_look_seconds,
        look_seconds=settings.health_look_seconds,
    )
    sync = TemplateSync(
        database,
        outbox,
        store,
        templates,
        graph,
        credentials,
        first_sync_seconds=settings.first_look_seconds,
        sync_seconds=settings.template_sync_seconds,
    )
    HealthRequests(database, store, book, checks).register(bus)
    TemplateRequests(database, store, sync, graph, credentials).register(bus)
    effects: list[Effect] = [
        MediaEffect(media.media, contacts, media.wake),
        hearing,
        TemplateEffect(sync),
    ]
    return ProviderJobs(media, checks, sync, KnownTemplates(templates), effects)


def _media_job(
    settings: Settings,
    database: Database,
    outbox: Outbox,
    store: Store,
    credentials: Credentials,
    graph: GraphClient,
    book: HealthBook,
) -> MediaJob:
    """The job that fetches files, with a session of its own."""
    fetcher = MediaFetcher(
        graph,
        Blobs.open(settings.blob_url),
        MediaAddresses(graph.root, settings.media_host_suffixes.split(",")),
        bytes_max=settings.media_bytes_max,
        fetch_seconds=settings.media_fetch_seconds,
    )
    return MediaJob(
        database,
        outbox,
        store,
        MediaStore(),
        credentials,
        fetcher,
        book,
        sweep_seconds=settings.sweep_seconds,
        fetch_seconds=settings.media_fetch_seconds,
    )
