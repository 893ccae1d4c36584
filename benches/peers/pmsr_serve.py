"""Serves domains by the socketmap responder of the PyPI package postfix-mta-sts-resolver.

As its daemon does, with its internal cache filled beforehand and its entries never stale.

usage: pmsr_serve.py DOMAINS EVENTLOOP     EVENTLOOP: asyncio or uvloop
"""

import asyncio
import logging
import sys
import time

from postfix_mta_sts_resolver import utils
from postfix_mta_sts_resolver.base_cache import CacheEntry
from postfix_mta_sts_resolver.responder import STSSocketmapResponder


async def serve(domains):
    cfg = utils.populate_cfg_defaults({"port": 0, "cache_grace": 10**9})
    cfg["cache"]["options"]["cache_size"] = domains + 10_000
    cache = utils.create_cache(cfg["cache"]["type"], cfg["cache"]["options"])
    await cache.setup()
    for number in range(domains):
        name = f"d{number:07}.example.com"
        body = {
            "version": "STSv1",
            "mode": "enforce",
            "mx": [f"mx1.{name}", f"mx2.{name}", f"*.{name}"],
            "max_age": 604800,
        }
        await cache.set(name, CacheEntry(time.time(), "20260101T000000", body))
    responder = STSSocketmapResponder(cfg, asyncio.get_running_loop(), cache)
    await responder.start()
    host, port = responder._server.sockets[0].getsockname()[:2]
    print(f"{host}:{port}", flush=True)
    await asyncio.Event().wait()


def main():
    domains, loop = int(sys.argv[1]), sys.argv[2]
    if loop == "uvloop":
        utils.enable_uvloop()
    # As in its daemon at level "info": debug messages are not made.
    utils.setup_logger("STS", utils.LogLevel.info, logging.StreamHandler())
    asyncio.run(serve(domains))


if __name__ == "__main__":
    main()
