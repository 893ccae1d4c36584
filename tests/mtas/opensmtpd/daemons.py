"""Daemons that are not what they should be, at unix sockets in a directory.

  daemons.py DIRECTORY REAL-SOCKET

broken.sock     runs as root and answers by the domain that it is asked for: see ANSWERS
foreign.sock    runs as user 641, and hands all on to the real daemon
counting.sock   runs as root, hands all on, and writes a line to `counting` for each question
"""

import os
import selectors
import socket
import sys
import threading
import time


def netstring(value):
    return b"%d:%s," % (len(value), value)


def policy(domain, decision=b"enforce"):
    return b"OK mta-sts-policy 1\ndecision " + decision + b"\nreason policy\ndomain " + domain + b"\nentry 0\n"


# By domain of the lab, so that there is an MX host to deliver to. None: nothing is answered.
ANSWERS = {
    b"enforce.test": lambda d: b"\x00\xff garbage \x1b[31m\r\n" * 40,
    b"wildcard.test": lambda d: netstring(b"OK " + b"x" * 200)[:100],
    b"unrelated.test": lambda d: None,
    b"none.test": lambda d: b"99999999999:OK ",
    b"no-record.test": lambda d: b"",
    b"implicit-mx.test": lambda d: netstring(b"TEMP \x1b]0;title\x07 ${run{x}} \"quoted\"\nsecond line"),
    b"testing.test": lambda d: netstring(policy(b"other.test", b"no-policy")),
    b"status-500.test": lambda d: netstring(policy(d)),
    b"mx-expired.test": lambda d: netstring(b"NOTFOUND "),
    b"testing-cert.test": lambda d: netstring(policy(d, b"no-policy")) + b"more",
    b"one-of-two.test": lambda d: netstring(b"OK " + b"y" * 500000),
}


def listen(path, uid):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen(64)
    # The other side is told who called listen() last.
    if os.fork() == 0:
        if uid:
            os.setgid(uid)
            os.setuid(uid)
            server.listen(64)
        return server
    return None


def broken(connection):
    with connection:
        while True:
            question = connection.recv(4096)
            if not question:
                return
            domain = question.rstrip(b",").split(b" ")[1]
            answer = ANSWERS[domain](domain)
            if answer is None:
                time.sleep(60)
            if not answer:
                return
            connection.sendall(answer)


def hand_on(connection, real, count):
    with connection, socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect(real)
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ, daemon)
            selector.register(daemon, selectors.EVENT_READ, connection)
            while True:
                for key, _ in selector.select():
                    octets = key.fileobj.recv(65536)
                    if not octets:
                        return
                    if key.fileobj is connection and count:
                        with open(count, "ab") as lines:
                            lines.write(octets + b"\n")
                    key.data.sendall(octets)


def serve(server, handle):
    while True:
        connection, _ = server.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


def main():
    directory, real = sys.argv[1:]
    count = directory + "/counting"
    for name, uid, handle in (
        ("broken", 0, broken),
        ("foreign", 641, lambda connection: hand_on(connection, real, None)),
        ("counting", 0, lambda connection: hand_on(connection, real, count)),
    ):
        server = listen(f"{directory}/{name}.sock", uid)
        if server:
            serve(server, handle)
    open(directory + "/ready", "w").close()
    while True:
        time.sleep(60)


main()
