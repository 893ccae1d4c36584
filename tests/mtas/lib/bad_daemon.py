"""A daemon that is broken: bad_daemon.py SOCKET SORT answers every connection badly, in that way."""

import os
import socket
import sys

HEAD = b"mta-sts-policy 1\ndecision no-policy\nreason no-record\ndomain "


def netstring(payload):
    return b"%d:%s," % (len(payload), payload)


SORTS = {
    "garbage": b"\xff\xfe ${run{/bin/false}}\r\n%s%n",
    "nothing": b"",
    "half": netstring(b"OK " + HEAD + b"enforce.test\nentry 0\n")[:-9],
    "too-long": b"100001:OK ",
    "other-domain": netstring(b"OK " + HEAD + b"other.test\nentry 0\n"),
    "other-version": netstring(b"OK mta-sts-policy 2\ndecision no-policy\n"),
    "not-found": netstring(b"NOTFOUND "),
    "temporary": netstring(b"TEMP not now: ${run{/bin/false}}"),
    # A proper answer, but from a process of another user.
    "other-user": netstring(b"OK " + HEAD + b"enforce.test\nentry 0\n"),
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
