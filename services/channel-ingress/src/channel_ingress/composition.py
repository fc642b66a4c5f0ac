"""Ties the parts of channel-ingress together; nothing connects here."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from blobs import Blobs
from bus import Bus
from channel_ingress.change_effect import ChangeEffect
from channel_ingress.change_store import ChangeStore
from channel_ingress.config import Settings
from channel_ingress.consent import BookedConsent
from channel_ingress.contact_book import ContactBook
from channel_ingress.contact_requests import ContactRequests, answer_about_contacts
from channel_ingress.credentials import Credentials
from channel_ingress.effects import Effect
from channel_ingress.fencing import Fencing
from channel_ingress.graph import GraphClient
from channel_ingress.handlers import Configuration, register
from channel_ingress.intake import Intake
from channel_ingress.known_channels import KnownChannels
from channel_ingress.media_upload import MediaUploads
from channel_ingress.media_upload_store import MediaUploadStore
from channel_ingress.message_steps import MessageSteps
from channel_ingress.outbound import Outbound
from channel_ingress.pacing import NumberPace
from channel_ingress.parking import Parking
from channel_ingress.planning import Planning
from channel_ingress.preference_effect import PreferenceEffect
from channel_ingress.provider_jobs import ProviderJobs, compose_provider_jobs
from channel_ingress.send_store import SendStore
from channel_ingress.sender import Sender
from channel_ingress.status_join import StatusJoin
from channel_ingress.status_orphans import StatusOrphans
from channel_ingress.status_store import StatusStore
from channel_ingress.store import Store
from channel_ingress.sweeper import Sweeper
from channel_ingress.typing_marks import TypingMarks
from channel_ingress.windows import Windows
from contracts.v1.sending import TypingShown
from outbox import Outbox
from postgres import Database
from sealing import KeyRing

SERVICE = "channel-ingress"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that the process starts and stops."""

    outbox: Outbox
    store: Store
    intake: Intake
    outbound: Outbound
    sender: Sender
    joins: StatusJoin
    sweeper: Sweeper
    jobs: ProviderJobs
    typing: TypingMarks

    def background(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs beside the handlers until the process ends, by name."""
        sweeping = self.sweeper.run(self.intake, self.outbound, self.sender, self.joins)
        jobs = {name: run() for name, run in self.jobs.background().items()}
        return {"sweeper": sweeping, "typing": self.typing.run(), **jobs}


def compose(settings: Settings, database: Database, bus: Bus, graph: GraphClient) -> Parts:
    """Make every part and register its handlers on the bus."""
    outbox, store, statuses, sends = Outbox(database, bus), Store(), StatusStore(), SendStore()
    joins = StatusJoin(outbox, store, statuses, sends)
    sweeper = Sweeper(
        database,
        Blobs.open(settings.blob_url),
        store,
        sweep_seconds=settings.sweep_seconds,
        unknown_after_seconds=settings.unknown_after_seconds,
        unrouted_replay_seconds=settings.unrouted_replay_seconds,
    )
    channels = KnownChannels(store)
    contacts = ContactBook(outbox)
    answer_about_contacts(bus, ContactRequests(outbox, contacts))
    credentials = Credentials(KeyRing.from_text(settings.master_keys))
    changes = ChangeEffect(outbox, ChangeStore(settings.orphan_after_seconds), contacts)
    orphans = StatusOrphans(outbox, statuses, settings.orphan_after_seconds)
    sweeper.also(changes.sweep, orphans.sweep)
    windows, parking = Windows(sends), Parking(sweeper.wake)
    jobs = compose_provider_jobs(
        settings, database, bus, outbox, store, credentials, graph, contacts, parking
    )
    effects: list[Effect] = [changes, PreferenceEffect(contacts), *jobs.effects]
    intake = Intake(
        outbox, store, channels, statuses, joins, contacts, windows, effects, sweeper.wake
    )
    uploads = MediaUploads(
        database, Blobs.open(settings.blob_url), graph, MediaUploadStore(), sweeper.wake
    )
    sender = Sender(outbox, graph, credentials, uploads)
    consent = BookedConsent(contacts)
    outbound = Outbound(
        outbox,
        store,
        sends,
        channels,
        joins,
        Planning(NumberPace(database), jobs.known_templates, consent),
        parking,
        consent,
        sender.start,
        sweeper.wake_in,
    )
    sender.outbound = outbound
    register(outbox, Configuration(store, channels, parking), intake, outbound)
    typing = TypingMarks(database, channels, parking, credentials, graph)
    parking.listeners.append(typing)
    bus.hear_stream(TypingShown, typing.hear)
    MessageSteps(outbox).listen(bus)
    Fencing(outbox, store).listen(bus)
    return Parts(outbox, store, intake, outbound, sender, joins, sweeper, jobs, typing)
