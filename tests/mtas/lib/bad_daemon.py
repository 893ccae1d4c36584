"""A daemon that is broken: bad_daemon.py SOCKET SORT answers every connection badly, in that way."""

import os
import socket
import sys


def netstring(payload):
    return b"%d:%s," % (len(payload), payload)


def policy(domain=b"enforce.test", decision=b"no-policy"):
    return b"OK mta-sts-policy 1\ndecision %s\nreason no-record\ndomain %s\nentry 0\n" % (decision, domain)


SORTS = {
    "garbage": b"\xff\xfe \x1b[31m ${run{/bin/false}}\r\n%s%n" * 40,
    "nothing": b"",
    "closed": b"",
    "half": netstring(policy())[:-9],
    "more": netstring(policy()) + b"more",
    "too-long": b"100001:OK ",
    "far-too-long": b"99999999999:OK ",
    "flood": netstring(b"OK " + b"y" * 500000),
    "other-domain": netstring(policy(domain=b"other.test")),
    "other-version": netstring(b"OK mta-sts-policy 2\ndecision no-policy\n"),
    "without-policy": netstring(policy(decision=b"enforce")),
    "not-found": netstring(b"NOTFOUND "),
    "temporary": netstring(b"TEMP not now: \x1b]0;title\x07 ${run{/bin/false}} \"quoted\"\nsecond line"),
    # A proper answer, but from a process of another user.
    "other-user": netstring(policy()),
}


def main():
    path, sort = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o666)
    if sort == "other-user":
        # Who listens is who a client sees.
        os.setuid(65534)
    server.listen()
    while True:
        client, _ = server.accept()
        try:
            client.recv(65536)
            client.sendall(SORTS[sort])
        except OSError:
            pass  # It did not want to ask.
        if sort in ("half", "nothing"):
            # Kept open, so that the client has to give up by itself.
            clients.append(client)
        else:
            client.close()


clients = []
main()
