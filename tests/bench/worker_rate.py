"""How fast one `worker` process applies, beside a naive pipeline and beside Postgres' limit for the log alone.

Run it with `python -m tests.bench.worker_rate`; it takes three minutes, starts everything itself, and writes
`tests/bench/results/worker_rate.md`. The worker and its peers have one core, the servers the others. Absolute figures
mean little from one machine to the next; the ratios do.
"""

from collections import defaultdict

from rich.console import Console

from tests.bench.backlog import Applied, measure_applying, queue_messages
from tests.bench.both_servers import Servers, cpu_seconds, running_servers
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic

ROUNDS = 5
MESSAGES, NAIVE_MESSAGES, LOG_MESSAGES = 60_000, 3_000, 60_000


def apply_backlog(servers: Servers, messages: int) -> Applied:
    """Let one worker apply so many messages that wait when it starts, into an empty database."""
    servers.renew()
    queue_messages(servers, traffic(messages))
    with servers.running_worker() as worker:
        return measure_applying(servers, messages, lambda: {"worker": cpu_seconds(worker.pid), **servers.cpu_seconds()})


def measure(
    servers: Servers, rounds: int, messages: int, peers: tuple[int, int]
) -> tuple[list[Ratio], dict[str, list[float]]]:
    """Measure the sides in turn; give the ratios, and the figures behind them."""
    against_naive = Ratio("messages/s, of one arq job and one transaction a message's", 10)
    against_log = Ratio("messages/s, of a bare insert into the log alone", 0.35)
    figures: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        servers.renew()
        naive = servers.run_peer("tests.bench.naive_pipeline", peers[0])
        servers.renew()
        log = servers.run_peer("tests.bench.log_insert", peers[1])
        applied = apply_backlog(servers, messages)
        against_naive.rounds.append(applied.messages_per_second / naive)
        against_log.rounds.append(applied.messages_per_second / log)
        figures["worker, messages/s"].append(applied.messages_per_second)
        figures["naive pipeline, messages/s"].append(naive)
        figures["bare log insert, rows/s"].append(log)
        for process, microseconds in applied.cpu_microseconds.items():
            figures[f"{process}'s processor time, microseconds a message"].append(microseconds)
        Console().print(f"round {number + 1}: {applied.messages_per_second:,.0f}/s, naive {naive:,.0f}, log {log:,.0f}")
    return [against_naive, against_log], figures


def short() -> list[Ratio]:
    """Measure for some seconds; give the two main ratios, for the guard."""
    with running_servers() as servers:
        return measure(servers, 3, 15_000, (1_000, 20_000))[0]


def main() -> None:
    """Measure, print and write."""
    with running_servers() as servers:
        ratios, figures = measure(servers, ROUNDS, MESSAGES, (NAIVE_MESSAGES, LOG_MESSAGES))
    what = (
        f"One `worker` process on one core, the servers on the others; {MESSAGES:,} messages a round, empty database."
    )
    report("worker_rate", what, ratios, figures)


if __name__ == "__main__":
    main()
