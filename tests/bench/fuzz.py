"""Feed what reads packets and logs with hostile ones: ``python -m tests.bench.fuzz [COUNT [SEED]]``; 1,000,000 unless
told.

A few minutes; a fault ends it with the seed and the input. The same seed gives the same inputs.
"""

import resource
import sys
import time

from tests.capture.wire_targets import fuzz


def main(count: int, seed: int) -> None:
    """Feed, print."""
    print(f"{count:,} inputs, seed {seed}")
    began = time.monotonic()
    for name, of_it, slowest_s in fuzz(count, seed):
        print(f"{name:24} {of_it:9,} inputs, the slowest {slowest_s * 1000:6.2f} ms of CPU", flush=True)
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.monotonic() - began:.0f} s; memory of the process at most {memory_mib:.0f} MiB")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000,
    )
