"""Which address of the simulator is answered by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from simulators.meta.control import Control
from simulators.meta.graph_calls import graph_errors

if TYPE_CHECKING:
    from simulators.meta.simulator import MetaSimulator

LARGEST_UPLOAD_BYTES = 101 * 1024 * 1024
VERSION = r"/{version:v\d+\.\d+}"
SENDER, ACCOUNT, NODE = r"/{sender:\d+}", r"/{account:\d+}", r"/{node:[\w.-]+}"


def application(simulator: MetaSimulator) -> web.Application:
    """Graph's calls, the links in webhooks, and the control API."""
    middlewares = [graph_errors]
    if simulator.findings.enabled:
        middlewares = [simulator.findings.middleware, graph_errors]
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_UPLOAD_BYTES)
    app.add_routes(Control(simulator).routes())
    app.add_routes(_graph(simulator))
    return app


def _graph(simulator: MetaSimulator) -> list[web.RouteDef]:
    messages, media = simulator.messages, simulator.media_calls
    attachments, templates = simulator.attachment_calls, simulator.template_calls
    nodes = simulator.node_calls
    return [
        web.post(VERSION + SENDER + "/messages", messages.post),
        web.post(VERSION + SENDER + "/media", media.upload),
        web.post(VERSION + SENDER + "/message_attachments", attachments.upload),
        web.get(VERSION + "/_media/{link}", media.download),
        web.get("/_cdn/{link}", attachments.public),
        web.get(VERSION + ACCOUNT + "/message_templates", templates.list),
        web.post(VERSION + ACCOUNT + "/message_templates", templates.create),
        web.delete(VERSION + ACCOUNT + "/message_templates", templates.delete),
        web.get(VERSION + ACCOUNT + "/subscribed_apps", nodes.subscribed),
        web.post(VERSION + ACCOUNT + "/subscribed_apps", nodes.subscribe),
        web.delete(VERSION + ACCOUNT + "/subscribed_apps", nodes.unsubscribe),
        web.get(VERSION + ACCOUNT + "/phone_numbers", nodes.phone_numbers),
        web.get(VERSION + ACCOUNT + "/message_history", nodes.message_history),
        web.get(VERSION + ACCOUNT + "/events", nodes.history_events),
        web.get(VERSION + "/debug_token", nodes.debug_token),
        web.get("/debug_token", nodes.debug_token),
        web.get(VERSION + NODE, nodes.get),
        web.post(VERSION + NODE, nodes.post),
        web.delete(VERSION + NODE, nodes.delete),
    ]
