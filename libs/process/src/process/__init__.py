"""Life of a service process: settings, signals, start, drain and exit code."""

from process.life import Life
from process.run import run
from process.settings import ConfigurationError, ServiceSettings
from process.wiring import Wiring, wire

__all__ = ["ConfigurationError", "Life", "ServiceSettings", "Wiring", "run", "wire"]
