"""The partition of a message, for tests that look into one."""

from schemas.queue import PARTITIONS, spread, spread_burst


def partition_of(workspace_id: int, sender: str, partitions: int = PARTITIONS) -> int:
    """Give the partition of a sender's messages."""
    return spread(workspace_id, [sender], partitions)[0]


def burst_partition_of(workspace_id: int, sender: str, first: int) -> int:
    """Give the partition of a sender's messages in a burst, of those from the first on that are for bursts."""
    return spread_burst(workspace_id, [sender], first)[0]
