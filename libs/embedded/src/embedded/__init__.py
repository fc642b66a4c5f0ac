"""Real PostgreSQL, RabbitMQ and Redis on free loopback ports, without a container engine."""

from embedded.broker_administration import BrokerAdministration, BrokerAdministrationError
from embedded.databases import (
    RolePair,
    add_extension,
    close_public_databases,
    create_database,
    drop_database,
    ensure_roles,
    url_for,
)
from embedded.ports import free_port
from embedded.postgres_server import PostgresServer
from embedded.rabbitmq_server import RabbitServer
from embedded.recorded_process import RecordedProcess, ServerDidNotStart
from embedded.redis_server import RedisServer
from embedded.server_set import ServerSet, ServerUrls

__all__ = [
    "BrokerAdministration",
    "BrokerAdministrationError",
    "PostgresServer",
    "RabbitServer",
    "RecordedProcess",
    "RedisServer",
    "RolePair",
    "ServerDidNotStart",
    "ServerSet",
    "ServerUrls",
    "add_extension",
    "close_public_databases",
    "create_database",
    "drop_database",
    "ensure_roles",
    "free_port",
    "url_for",
]
