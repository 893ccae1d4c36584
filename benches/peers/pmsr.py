"""Times the policy parser of the PyPI package postfix-mta-sts-resolver, as src/peer.rs asks for it."""

import json
import platform
import sys
from importlib.metadata import version
from time import perf_counter_ns

from postfix_mta_sts_resolver.utils import parse_mta_sts_policy

BATCH = 256


def parse_for(policy, ms):
    start = perf_counter_ns()
    end = start + ms * 1_000_000
    done = 0
    while True:
        for _ in range(BATCH):
            parse_mta_sts_policy(policy)
        done += BATCH
        now = perf_counter_ns()
        if now >= end:
            return (now - start) / done


def main():
    policy = ""
    for line in sys.stdin:
        order = json.loads(line)
        if "policy" in order:
            # Already decoded, which the package does before.
            policy = order["policy"]
            read = parse_mta_sts_policy(policy)
            parse_for(policy, 500)  # warm-up
            answer = {
                "mode": read["mode"],
                "mx": len(read["mx"]),
                "version": version("postfix-mta-sts-resolver"),
                "runtime": f"{platform.python_implementation()} {platform.python_version()}",
            }
        else:
            answer = {"ns": parse_for(policy, order["ms"])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
