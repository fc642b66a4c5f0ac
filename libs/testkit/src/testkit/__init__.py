"""What tests need: real servers, a fake clock, failpoints, a TCP proxy and real processes.

The fixtures are registered as a pytest plugin (`testkit.plugin`); nothing has to be imported.
"""

from testkit.clock import FakeClock
from testkit.polling import eventually, eventually_async
from testkit.processes import ProcessHarness, ServiceProcess
from testkit.recording_bus import RecordingBus
from testkit.service_databases import ServiceDatabase
from testkit.tcp_proxy import TcpProxy
from testkit.test_servers import TestServers
from testkit.vhosts import Vhost

__all__ = [
    "FakeClock",
    "ProcessHarness",
    "RecordingBus",
    "ServiceDatabase",
    "ServiceProcess",
    "TcpProxy",
    "TestServers",
    "Vhost",
    "eventually",
    "eventually_async",
]
