"""Which TCP ports a deployment uses, and what to say when one is taken."""

from __future__ import annotations

import socket

import msgspec


class PortTakenError(Exception):
    """A port that a process needs is in use.

    Attributes:
        port: The port.
        setting: What to change to use another one.
    """

    def __init__(self, port: int, setting: str) -> None:
        super().__init__(f"port {port} is in use by another program; choose another with {setting}")
        self.port, self.setting = port, setting


class Ports(msgspec.Struct, kw_only=True):
    """TCP ports of one box; each is a setting of `campusgrid up`.

    The local chain's WebSocket is always its RPC port + 1, as Solana's clients assume. Simulated meters take consecutive ports from
    `meters`, edge agents and the bridge serve metrics from `metrics` upwards.
    """

    gateway: int = 8080
    rpc: int = 8899
    broker: int = 18830
    meters: int = 15020
    metrics: int = 9101
    control: int = 9190

    def needed(self, meter_count: int, edge_count: int) -> list[tuple[int, str]]:
        """Return every (port, setting) that must be free."""
        listed = [
            (self.gateway, "--gateway-port"),
            (self.rpc, "--rpc-port"),
            (self.rpc + 1, "--rpc-port"),
            (self.broker, "--broker-port"),
            (self.control, "--control-port"),
        ]
        listed += [(self.meters + i, "--meters-port") for i in range(meter_count)]
        listed += [(self.metrics + i, "--metrics-port") for i in range(edge_count + 3)]
        return listed

    def check(self, meter_count: int, edge_count: int, host: str = "127.0.0.1") -> None:
        """Raise PortTakenError for the first port that cannot be bound."""
        for port, setting in self.needed(meter_count, edge_count):
            if not is_free(port, host):
                raise PortTakenError(port, setting)

    @classmethod
    def free(cls, meter_count: int, edge_count: int) -> Ports:
        """Return ports that are free now, away from the defaults, so that a demonstration runs beside `up`."""
        base = 20_000
        while base < 60_000:
            ports = cls(
                gateway=base, rpc=base + 1, broker=base + 3, control=base + 4, metrics=base + 10, meters=base + 30
            )
            try:
                ports.check(meter_count, edge_count)
            except PortTakenError:
                base += 200
            else:
                return ports
        raise PortTakenError(base, "a machine with free ports")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether `port` can be bound now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
